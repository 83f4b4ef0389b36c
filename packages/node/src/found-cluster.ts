import { hostname as machineName } from "node:os";
import { ClusterError, nodeId, type Clock } from "@murmur/base";
import type { InitRequest } from "@murmur/api";
import {
  createCa,
  createCsr,
  createNodeKey,
  givenCertificate,
  newGossipKey,
  newJoinSecret,
  newSealKey,
  newUnlockKey,
  type NodeIdentity,
  type UnlockKey,
} from "@murmur/identity";
import { clusterId, externalCasOf, networkId, type ClusterSecrets, type Command } from "@murmur/model";
import { newDiskKey } from "@murmur/storage";
import { keyDigest } from "./admission.ts";
import type { AuthoritySigner } from "./authority-signer.ts";
import { sealUnlockKey } from "./lock-keeper.ts";

export interface FoundedCluster {
  readonly identity: NodeIdentity;
  readonly commands: readonly Command[];
  /** What the identity is to be sealed with on the disk; undefined: it stays in clear. */
  readonly lock: UnlockKey | undefined;
}

/** Makes the authority, the secrets and the first node of a new cluster, and the commands that its log begins with. */
export async function foundCluster(options: {
  readonly address: string;
  readonly request: InitRequest;
  readonly hostname: string | undefined;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Has the first certificate signed, and what vouches for a root that is an external CA's. */
  readonly signer: Pick<AuthoritySigner, "sign" | "statementKey">;
  readonly signal: AbortSignal;
}): Promise<FoundedCluster> {
  const { address, request, clock, newId, signer, signal } = options;
  const now = clock.now();
  const cluster = clusterId(newId());
  const node = nodeId(newId());
  const { caPem, ...root } = await firstRoot(cluster, options);
  const keyPem = await createNodeKey();
  const gossipKey = newGossipKey();
  const secrets = {
    ...root,
    joinSecret: newJoinSecret(),
    roleSecrets: { worker: newJoinSecret(), manager: newJoinSecret() },
    gossipKeys: [gossipKey],
  };
  const { spec, dataPlane, addressPool, dataPathPort } = request;
  // With its own key at hand the first node waits for nobody outside, as with Docker.
  const { externalCas: _outside, ...own } = spec;
  const signedBy = { id: cluster, caPem, secrets, spec: request.root === "external" ? spec : own };
  const signing = { cluster: signedBy, csrPem: await createCsr({ keyPem }), nodeId: node };
  const certificatePem = await signer.sign(signing, signal);
  const sealKeys = [newSealKey()];
  const lock = spec.autolock === true ? newUnlockKey() : undefined;
  const unlockKey = lock && sealUnlockKey(lock, { sealKeys, clusterId: cluster });
  const chosen = {
    ...(unlockKey !== undefined && { unlockKey }),
    ...(dataPlane && { dataPlane }),
    ...(addressPool && { addressPool }),
    ...(dataPathPort && { dataPathPort }),
  };
  return {
    identity: {
      nodeId: node,
      clusterId: cluster,
      caPem,
      certificatePem,
      keyPem,
      gossipKeys: [gossipKey],
      sealKeys,
      ...(lock !== undefined && { disk: { keys: [newDiskKey()], whole: true } }),
    },
    lock,
    commands: [
      {
        kind: "createCluster",
        cluster: { id: cluster, spec, caPem, secrets, ...chosen },
        defaultNetworkId: networkId(newId()),
        now,
      },
      {
        kind: "createNode",
        id: node,
        address,
        keyDigest: keyDigest(certificatePem),
        hostname: options.hostname ?? machineName(),
        labels: request.labels,
        availability: request.availability,
        ...(request.pinnedRole !== undefined && { pinnedRole: request.pinnedRole }),
        now,
      },
    ],
  };
}

/** A root of the cluster's own, or that of the external CA which is to sign from the beginning. */
async function firstRoot(
  id: string,
  { request, clock, signer, signal }: Parameters<typeof foundCluster>[0],
): Promise<Pick<ClusterSecrets, "caKeyPem" | "statement"> & { readonly caPem: string }> {
  const now = clock.now();
  const { externalCas = [] } = request.spec;
  if (request.root !== "external") {
    const { certificatePem, keyPem } = await createCa({ clusterId: id, now });
    return { caPem: certificatePem, caKeyPem: keyPem };
  }
  const given = externalCas.find(({ caPem }) => caPem !== undefined)?.caPem;
  if (given === undefined) {
    throw new ClusterError(
      "invalid_argument",
      "a new cluster with an external CA needs that one's root certificate: add cacert=FILE to --external-ca",
    );
  }
  const root = givenCertificate(given, now);
  const asked = { clusterId: id, root, externalCas: externalCasOf(externalCas, { root, present: root }) };
  return { caPem: root, statement: await signer.statementKey(asked, signal) };
}
