import { ClusterError, isId, nodeId, type NodeId } from "@murmur/base";
import { isKeyOf, parseCertificate } from "./ca.ts";
import { GOSSIP_KEYS_MAX, parseGossipKey, type GossipKey } from "./gossip-keys.ts";
import { parseSealKey, type SealKey } from "./secret-sealer.ts";
import { verifyPeer } from "./verify-peer.ts";

/** All that makes a process this node of this cluster. It contains private keys: stored with mode 0600, never logged. */
export interface NodeIdentity {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  /** The roots that this node trusts: several while one takes the other's place. */
  readonly caPem: string;
  readonly certificatePem: string;
  /** What is shown behind the certificate, for those who only know another root; left out: `caPem`. */
  readonly chainPem?: string;
  readonly keyPem: string;
  /** The first one seals. */
  readonly gossipKeys: readonly GossipKey[];
  /** What users' secrets are sealed with; the first one seals. Empty in a cluster from before there were any. */
  readonly sealKeys: readonly SealKey[];
  /** What the log of this node's manager is sealed with; left out: nothing is. */
  readonly disk?: DiskSeal;
}

/** See docs/autolock.md. */
export interface DiskSeal {
  /** In base64url. The first one seals while the node is locked at its restarts; all open. */
  readonly keys: readonly string[];
  /** Whether the whole log is in the form in which it is written now. */
  readonly whole: boolean;
}

/** What is stored: plain JSON. */
export interface StoredIdentity {
  readonly version: 1;
  readonly nodeId: string;
  readonly clusterId: string;
  readonly caPem: string;
  readonly certificatePem: string;
  readonly chainPem?: string;
  readonly keyPem: string;
  readonly gossipKeys: readonly string[];
  /** Left out: none. */
  readonly sealKeys?: readonly string[];
  readonly disk?: DiskSeal;
}

export function serializeIdentity(identity: NodeIdentity): StoredIdentity {
  const { caPem, certificatePem, chainPem, keyPem, clusterId, disk } = identity;
  const keys = { gossipKeys: [...identity.gossipKeys], sealKeys: [...identity.sealKeys] };
  return {
    version: 1,
    nodeId: identity.nodeId,
    clusterId,
    caPem,
    certificatePem,
    ...(chainPem !== undefined && { chainPem }),
    keyPem,
    ...keys,
    ...(disk && { disk }),
  };
}

/**
 * Reads a stored identity and checks that its parts belong together: the key to the certificate, the certificate to the
 * CA, the cluster and the node. Throws `corrupt` with what does not fit. An expired certificate is no damage: the node
 * has to renew it, or join again.
 */
export function parseIdentity(stored: unknown): NodeIdentity {
  const fields = fieldsOf(stored);
  const certificate = parseCertificate(fields.certificatePem);
  if (!isId(fields.nodeId)) throw damaged("the node id has not the form of one");
  if (!isKeyOf(fields.keyPem, certificate)) throw damaged("the key does not belong to the certificate");
  const { caPem, clusterId } = fields;
  const named = verifyPeer(fields.certificatePem, { caPem, clusterId, now: certificate.validFromDate.getTime() });
  if (named !== fields.nodeId) throw damaged("the certificate is another node's");
  return {
    ...fields,
    nodeId: nodeId(fields.nodeId),
    gossipKeys: fields.gossipKeys.map(parseGossipKey),
    sealKeys: fields.sealKeys.map(storedSealKey),
  };
}

type Optional = "disk" | "chainPem";

function fieldsOf(
  stored: unknown,
): Required<Omit<StoredIdentity, "version" | Optional>> & Pick<StoredIdentity, Optional> {
  if (typeof stored !== "object" || stored === null) throw damaged("it is no object");
  const record: Partial<Record<string, unknown>> = { ...stored };
  if (record["version"] !== 1) throw damaged("it is of a version that this version of murmur does not know");
  const text = (name: string): string => {
    const value = record[name];
    if (typeof value !== "string" || value === "") throw damaged(`${name} is missing`);
    return value;
  };
  const keys: unknown = record["gossipKeys"];
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > GOSSIP_KEYS_MAX)
    throw damaged("gossipKeys are missing");
  const sealKeys: unknown = record["sealKeys"] ?? [];
  if (!Array.isArray(sealKeys) || sealKeys.length > GOSSIP_KEYS_MAX) throw damaged("sealKeys can't be read");
  return {
    nodeId: text("nodeId"),
    clusterId: text("clusterId"),
    caPem: text("caPem"),
    certificatePem: text("certificatePem"),
    ...(record["chainPem"] !== undefined && { chainPem: text("chainPem") }),
    keyPem: text("keyPem"),
    gossipKeys: keys.map(String),
    sealKeys: sealKeys.map(String),
    ...diskOf(record["disk"]),
  };
}

function diskOf(disk: unknown): Pick<StoredIdentity, "disk"> {
  if (disk === undefined) return {};
  const isOne = typeof disk === "object" && disk !== null && "keys" in disk && "whole" in disk;
  if (!isOne || !Array.isArray(disk.keys) || typeof disk.whole !== "boolean") throw damaged("disk can't be read");
  return { disk: { keys: disk.keys.map(String), whole: disk.whole } };
}

function storedSealKey(text: string): SealKey {
  try {
    return parseSealKey(text);
  } catch {
    throw damaged("a key of sealKeys is none");
  }
}

const damaged = (why: string): ClusterError =>
  new ClusterError(
    "corrupt",
    `the stored identity of this node is damaged: ${why}; remove the data directory and join again`,
  );
