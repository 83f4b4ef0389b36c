export { DEFAULT_CONFIG, type RaftConfig } from "./config.ts";
export {
  decodeMembership,
  encodeMembership,
  isJoint,
  isVoter,
  membershipOf,
  membersOf,
  NO_MEMBERSHIP,
  votersOf,
  type Membership,
} from "./membership.ts";
export { changeOf, type ChangeResult, type MembershipChange, type MemberStep } from "./membership-change.ts";
export type {
  Append,
  AppendAccepted,
  AppendRejected,
  CampaignReason,
  Heartbeat,
  HeartbeatReply,
  InstallSnapshot,
  Message,
  MessageKind,
  PreVote,
  PreVoteReply,
  ReadIndex,
  ReadIndexReply,
  TimeoutNow,
  Vote,
  VoteReply,
} from "./messages.ts";
export type { ChangeMembershipResult, ProposeResult } from "./proposing.ts";
export { majority, quorumValue, voteResult, type VoteResult } from "./quorum.ts";
export { newHardState, Raft, type RaftOptions } from "./raft.ts";
export type { Leadership, Ready, RefusedRead, ServedRead } from "./ready.ts";
export type { PeerStatus, Status } from "./status.ts";
export type { TransferResult } from "./transfer.ts";
export {
  ENTRY_OVERHEAD_BYTES,
  entryBytes,
  type Entry,
  type EntryKind,
  type HardState,
  type Index,
  type Position,
  type Role,
  type SnapshotMeta,
  type Term,
} from "./types.ts";
