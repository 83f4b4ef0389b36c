import { hostname as machineName } from "node:os";
import { nodeId, type Clock } from "@murmur/base";
import type { InitRequest } from "@murmur/api";
import {
  createCa,
  createCsr,
  createNodeKey,
  newGossipKey,
  newJoinSecret,
  newSealKey,
  newUnlockKey,
  signNodeCertificate,
  type NodeIdentity,
  type UnlockKey,
} from "@murmur/identity";
import { clusterId, networkId, type Command } from "@murmur/model";
import { newDiskKey } from "@murmur/storage";
import { keyDigest } from "./admission.ts";
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
}): Promise<FoundedCluster> {
  const { address, request, clock, newId } = options;
  const now = clock.now();
  const cluster = clusterId(newId());
  const node = nodeId(newId());
  const ca = await createCa({ clusterId: cluster, now });
  const keyPem = await createNodeKey();
  const certificatePem = await signNodeCertificate({
    ca,
    csrPem: await createCsr({ keyPem }),
    nodeId: node,
    clusterId: cluster,
    now,
    validityMs: request.spec.nodeCertificateValidityMs,
  });
  const gossipKey = newGossipKey();
  const secrets = {
    caKeyPem: ca.keyPem,
    joinSecret: newJoinSecret(),
    roleSecrets: { worker: newJoinSecret(), manager: newJoinSecret() },
    gossipKeys: [gossipKey],
  };
  const { spec, dataPlane, addressPool, dataPathPort } = request;
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
      caPem: ca.certificatePem,
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
        cluster: { id: cluster, spec, caPem: ca.certificatePem, secrets, ...chosen },
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
