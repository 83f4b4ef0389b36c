import type { NodeId, Random } from "@murmur/base";
import type { RaftConfig } from "./config.ts";
import { ElectionTimer } from "./election-timer.ts";
import type { Log } from "./log.ts";
import { isVoter, type Membership } from "./membership.ts";
import type { Message } from "./messages.ts";
import type { PendingWrites } from "./pending-writes.ts";
import type { RefusedRead, ServedRead } from "./ready.ts";
import type { Follower, RoleState } from "./role.ts";
import { isAtLeast, type HardState, type Position, type SnapshotMeta, type Term } from "./types.ts";

/**
 * The last position that a node may have acknowledged before its disk lost entries, as an upper bound; see README, "A
 * damaged log". The index is Infinity when it is not known.
 */
export type Recovering = Position;

/** The node to which a voter has just given hope, so that it does not give the same hope to a weaker one at once. */
export interface Favourite {
  readonly id: NodeId;
  readonly last: Position;
  ageTicks: number;
}

/** A read forwarded to the leader. */
export interface ForwardedRead {
  readonly requestId: number;
  ageTicks: number;
}

export interface CoreOptions {
  readonly id: NodeId;
  readonly config: RaftConfig;
  readonly random: Random;
  readonly log: Log;
  readonly writes: PendingWrites;
  readonly hardState: HardState;
  readonly membership: Membership;
  readonly recovering: Recovering | undefined;
}

/** The state that all parts of the algorithm share. Each part is a file of functions that take it as first argument. */
export class Core {
  readonly id: NodeId;
  readonly config: RaftConfig;
  readonly random: Random;
  readonly log: Log;
  readonly writes: PendingWrites;
  readonly timer: ElectionTimer;

  term: Term;
  vote: NodeId | undefined;
  membership: Membership;
  state: RoleState = { role: "follower", leader: undefined };
  recovering: Recovering | undefined;
  favourite: Favourite | undefined;
  /** Ticks since this core was made. */
  now = 0;
  /** When a leader was heard last. At first now: before a restart it may just have been. */
  heardLeaderAt = 0;

  /** Effects that wait for the next Ready. */
  messages: Message[] = [];
  messagesAfterSync: Message[] = [];
  servedReads: ServedRead[] = [];
  refusedReads: RefusedRead[] = [];
  snapshotsWanted: NodeId[] = [];
  snapshot: SnapshotMeta | undefined;

  /** Reads forwarded to the leader of this term, by sequence. Bound: maxPendingReads. */
  readonly forwarded = new Map<number, ForwardedRead>();
  /** Starts at random, so that an answer to this node's former life is not taken for one to this. */
  nextSequence: number;

  constructor(options: CoreOptions) {
    this.id = options.id;
    this.config = options.config;
    this.random = options.random;
    this.log = options.log;
    this.writes = options.writes;
    this.timer = new ElectionTimer(options.config, options.random);
    this.term = options.hardState.term;
    this.vote = options.hardState.vote;
    this.membership = options.membership;
    this.recovering = options.recovering;
    this.nextSequence = options.random.below(2 ** 48);
  }

  get last(): Position {
    return { index: this.log.lastIndex, term: this.log.lastTerm };
  }

  get committed(): Position {
    return { index: this.log.commit, term: this.log.termAt(this.log.commit) ?? 0 };
  }

  get hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.commit };
  }

  /**
   * Whether a log that ends there has all that this node ever acknowledged, so that it may have this node's vote. Of a
   * damaged node this is a question about the log that it had.
   */
  isEnough(last: Position): boolean {
    const { recovering } = this;
    const lost = recovering === undefined || isAtLeast(last, recovering);
    return lost && isAtLeast(last, this.last);
  }

  /** With lease reads a voter keeps off elections for electionTicks after it has heard a leader: leases count on it. */
  get hasPromised(): boolean {
    return this.config.leaseReads && this.now - this.heardLeaderAt < this.config.electionTicks;
  }

  /** Whether this node may campaign and vote for itself. */
  get electable(): boolean {
    return isVoter(this.membership, this.id) && this.recovering === undefined;
  }

  get leader(): NodeId | undefined {
    if (this.state.role === "leader") return this.id;
    return this.state.role === "follower" ? this.state.leader?.id : undefined;
  }

  /** Sends as soon as the driver likes. */
  send(message: Message): void {
    this.messages.push(message);
  }

  /** Sends once everything that this node knows now is durable: for promises. */
  sendAfterSync(message: Message): void {
    this.messagesAfterSync.push(message);
  }

  /** Enters a term, in which nobody was voted for yet. */
  enterTerm(term: Term): void {
    this.term = term;
    this.vote = undefined;
  }

  /** Changes the role; reads that the old one had promised to answer are refused. */
  become(state: RoleState): void {
    if (this.state.role === "leader") {
      this.timer.restart();
      for (const { origin } of this.state.reads) {
        if ("requestId" in origin) this.refusedReads.push({ requestId: origin.requestId, reason: "no_leader" });
      }
    }
    for (const { requestId } of this.forwarded.values()) this.refusedReads.push({ requestId, reason: "no_leader" });
    this.forwarded.clear();
    this.state = state;
  }

  /** Follows `leader`, or nobody yet, in `term`, which is the present one or a later one. */
  becomeFollower(term: Term, leader: NodeId | undefined): Follower {
    if (term > this.term) this.enterTerm(term);
    const known = leader === undefined ? undefined : { id: leader, silentTicks: 0, suspected: false };
    const follower: Follower = { role: "follower", leader: known };
    this.become(follower);
    return follower;
  }
}
