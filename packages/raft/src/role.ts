import type { NodeId } from "@murmur/base";
import type { CampaignReason } from "./messages.ts";
import type { Progress } from "./progress.ts";
import type { Index } from "./types.ts";

interface KnownLeader {
  readonly id: NodeId;
  /** Ticks since it was heard last. */
  silentTicks: number;
  /** Its connection broke, as far as this node can tell: this node keeps no other from replacing it. */
  suspected: boolean;
}

export interface Follower {
  readonly role: "follower";
  leader: KnownLeader | undefined;
}

/** Asks whether it could win; has changed nothing yet. */
interface PreCandidate {
  readonly role: "preCandidate";
  readonly reason: CampaignReason;
  readonly votes: Map<NodeId, boolean>;
}

interface Candidate {
  readonly role: "candidate";
  readonly reason: CampaignReason;
  readonly votes: Map<NodeId, boolean>;
}

/** A read that waits for proof that its leader still led after it had come in. */
export interface PendingRead {
  /** Whom to answer: the driver by its own number, or another node by that node's number. */
  readonly origin: { readonly requestId: number } | { readonly from: NodeId; readonly sequence: number };
  /** Set once an entry of the own term is committed: what to wait for, and which heartbeat has to be confirmed. */
  target: { readonly index: Index; readonly round: number } | undefined;
  ageTicks: number;
}

interface Transfer {
  readonly to: NodeId;
  ageTicks: number;
  /** The target was told to campaign. */
  asked: boolean;
}

export interface Leader {
  readonly role: "leader";
  /** Of every other member, learners included. */
  readonly progress: Map<NodeId, Progress>;
  /** The last membership entry in the log; a change is pending while it is beyond the commit index. */
  membershipIndex: Index;
  reads: PendingRead[];
  transfer: Transfer | undefined;
  /** Someone was told to campaign in this term: its voters' leases no longer hold. */
  leaseBroken: boolean;
  heartbeatElapsed: number;
  quorumElapsed: number;
  /** The newest heartbeat round, and when the rounds not yet confirmed were sent. Bounded: see `heartbeat`. */
  round: number;
  roundsSent: { readonly round: number; readonly tick: number }[];
}

export type RoleState = Follower | PreCandidate | Candidate | Leader;
