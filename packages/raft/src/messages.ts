import type { NodeId } from "@murmur/base";
import type { Entry, Index, Position, SnapshotMeta, Term } from "./types.ts";

/** Why a campaign was started. `transfer` is on the leader's behalf and passes the voters' leases. */
export type CampaignReason = "timeout" | "hint" | "transfer";

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The sender's term; of `preVote` and a granted `preVoteReply`, the term that the campaign would have. */
  readonly term: Term;
}

export interface PreVote extends Envelope {
  readonly kind: "preVote";
  readonly lastIndex: Index;
  readonly lastTerm: Term;
  readonly reason: CampaignReason;
}
export interface PreVoteReply extends Envelope {
  readonly kind: "preVoteReply";
  readonly granted: boolean;
  /** As in `VoteReply`. */
  readonly commit: Position;
}
export interface Vote extends Envelope {
  readonly kind: "vote";
  readonly lastIndex: Index;
  readonly lastTerm: Term;
  readonly reason: CampaignReason;
}
export interface VoteReply extends Envelope {
  readonly kind: "voteReply";
  readonly granted: boolean;
  /**
   * What the voter knows to be committed. A candidate that has this position learns it, and with it the membership that
   * is in force: else it could go on asking for the vote of a node that is gone from it, whose log is longer.
   */
  readonly commit: Position;
}

/** Entries that follow `prevIndex`. At most `maxAppendBytes`, as `entryBytes` counts. */
export interface Append extends Envelope {
  readonly kind: "append";
  readonly prevIndex: Index;
  readonly prevTerm: Term;
  readonly entries: readonly Entry[];
  readonly commit: Index;
}

/** Sent only when all up to `match` is durable. */
export interface AppendAccepted extends Envelope {
  readonly kind: "appendAccepted";
  readonly match: Index;
}
/** The entry before the append is missing or different; hints let the leader skip a whole term at a time. */
export interface AppendRejected extends Envelope {
  readonly kind: "appendRejected";
  /** The append's `prevIndex`: tells stale rejections from fresh ones. */
  readonly rejected: Index;
  /** The last place at which the logs may agree, as far as the follower can tell, and its term there. */
  readonly hintIndex: Index;
  readonly hintTerm: Term;
  /** The follower's disk lost entries: the leader must forget what it acknowledged before. */
  readonly lost: boolean;
}

export interface Heartbeat extends Envelope {
  readonly kind: "heartbeat";
  /** Never more than what the receiver is known to have. */
  readonly commit: Index;
  /** Counts the leader's heartbeats in this term; the reply repeats it, which confirms leadership for reads. */
  readonly round: number;
}
export interface HeartbeatReply extends Envelope {
  readonly kind: "heartbeatReply";
  readonly round: number;
}

/** Made by the receiving driver when a transfer is complete; the bytes are already on its disk. */
export interface InstallSnapshot extends Envelope {
  readonly kind: "snapshot";
  readonly snapshot: SnapshotMeta;
}

/** Asks a caught-up follower to campaign at once. */
export interface TimeoutNow extends Envelope {
  readonly kind: "timeoutNow";
}

/** A follower's read, forwarded. `sequence` is the follower's own number for it. */
export interface ReadIndex extends Envelope {
  readonly kind: "readIndex";
  readonly sequence: number;
}
export interface ReadIndexReply extends Envelope {
  readonly kind: "readIndexReply";
  readonly sequence: number;
  /** What to wait for before reading; undefined when the leader refused. */
  readonly index: Index | undefined;
}

/** All that two cores say to each other. Plain values: a transport can encode them as they are. */
export type Message =
  | PreVote
  | PreVoteReply
  | Vote
  | VoteReply
  | Append
  | AppendAccepted
  | AppendRejected
  | Heartbeat
  | HeartbeatReply
  | InstallSnapshot
  | TimeoutNow
  | ReadIndex
  | ReadIndexReply;

export type MessageKind = Message["kind"];
