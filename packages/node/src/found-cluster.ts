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
  signNodeCertificate,
  type NodeIdentity,
} from "@murmur/identity";
import { clusterId, networkId, type Command } from "@murmur/model";
import { keyDigest } from "./admission.ts";

/** Makes the authority, the secrets and the first node of a new cluster, and the commands that its log begins with. */
export async function foundCluster(options: {
  readonly address: string;
  readonly request: InitRequest;
  readonly hostname: string | undefined;
  readonly clock: Clock;
  readonly newId: () => string;
}): Promise<{ readonly identity: NodeIdentity; readonly commands: readonly Command[] }> {
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
  const secrets = { caKeyPem: ca.keyPem, joinSecret: newJoinSecret(), gossipKeys: [gossipKey] };
  const { spec, dataPlane, addressPool, dataPathPort } = request;
  const chosen = {
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
      sealKeys: [newSealKey()],
    },
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
        now,
      },
    ],
  };
}
