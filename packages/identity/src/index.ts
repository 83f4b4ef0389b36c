export {
  CA_VALIDITY_MS,
  caDigest,
  certificateTimes,
  checkCaDigest,
  createCa,
  createCsr,
  createNodeKey,
  NODE_VALIDITY_MS,
  parseCertificate,
  peerName,
  requestedKeyIn,
  signNodeCertificate,
  signSubject,
  type Ca,
  type CertificateTimes,
  type CreateCaOptions,
  type SignOptions,
  type SignSubjectOptions,
} from "./ca.ts";
export { cryptoDone, cryptoUnderWay } from "./crypto-work.ts";
export {
  GOSSIP_KEYS_MAX,
  gossipKeyName,
  GossipKeyRing,
  namedGossipKey,
  newGossipKey,
  parseGossipKey,
  SEAL_OVERHEAD_BYTES,
  type GossipKey,
} from "./gossip-keys.ts";
export { formatToken, newJoinSecret, parseToken, secretMatches, type JoinToken } from "./join-token.ts";
export {
  parseIdentity,
  serializeIdentity,
  type DiskSeal,
  type NodeIdentity,
  type StoredIdentity,
} from "./node-identity.ts";
export { certificatesIn, crossSign, givenCertificate, givenRoot, issuerIn, rootName } from "./root.ts";
export {
  newSealKey,
  newSealKeyBeside,
  parseSealKey,
  sealKeyName,
  SecretSealer,
  type SealKey,
} from "./secret-sealer.ts";
export { STATEMENT_NAME, statementKeyIn } from "./statement-key.ts";
export { lockRecord, newUnlockKey, parseUnlockKey, unlockRecord, type UnlockKey } from "./unlock-key.ts";
export { verifyPeer, type VerifyOptions } from "./verify-peer.ts";
