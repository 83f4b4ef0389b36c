import { newSealKey } from "./secret-sealer.ts";
import { nodeId, type NodeId } from "@murmur/base";
import { createCa, createCsr, createNodeKey, signNodeCertificate, type Ca, type SignOptions } from "./ca.ts";
import { newGossipKey } from "./gossip-keys.ts";
import type { NodeIdentity } from "./node-identity.ts";

/** Identities for tests. */
export const CLUSTER = "c".repeat(25);
export const NODE_A: NodeId = nodeId("a".repeat(25));
export const NODE_B: NodeId = nodeId("b".repeat(25));

export async function identityOf(ca: Ca, options: Partial<SignOptions> = {}): Promise<NodeIdentity> {
  const keyPem = await createNodeKey();
  const csrPem = await createCsr({ keyPem });
  const names = { nodeId: NODE_A, clusterId: CLUSTER, ...options };
  const certificatePem = await signNodeCertificate({ ca, csrPem, now: Date.now(), ...names });
  return {
    ...names,
    caPem: ca.certificatePem,
    certificatePem,
    keyPem,
    gossipKeys: [newGossipKey()],
    sealKeys: [newSealKey()],
  };
}

export const newCa = (clusterId = CLUSTER): Promise<Ca> => createCa({ clusterId, now: Date.now() });
