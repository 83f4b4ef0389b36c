import { assert, type NodeId, type Random } from "@murmur/base";
import { campaign, countOwnVote, hintLeaderUnreachable, tickElection } from "./election.ts";
import { maybeCommit } from "./commit.ts";
import { configOf, type RaftConfig } from "./config.ts";
import { Core } from "./core.ts";
import { maybeRecovered } from "./following.ts";
import { lead, reportSnapshot, reportUnreachable, tickLeader } from "./leading.ts";
import { Log } from "./log.ts";
import { decodeMembership, type Membership } from "./membership.ts";
import type { MembershipChange } from "./membership-change.ts";
import type { Message } from "./messages.ts";
import { PendingWrites } from "./pending-writes.ts";
import { changeMembership, propose, type ChangeMembershipResult, type ProposeResult } from "./proposing.ts";
import { forgetLease, readIndex, tickReads } from "./reads.ts";
import type { Ready } from "./ready.ts";
import { ReadyMaker } from "./ready-maker.ts";
import { statusOf, type Status } from "./status.ts";
import { step } from "./step.ts";
import { transferLeadership, type TransferResult } from "./transfer.ts";
import type { Entry, HardState, Index, Position, Term } from "./types.ts";

export interface RaftOptions {
  readonly id: NodeId;
  /** As of `appliedIndex`: the snapshot's or a later one; of a node that waits to be added, `NO_MEMBERSHIP`. */
  readonly membership: Membership;
  /** As read from storage; a new node has term 0, no vote, commit 0. */
  readonly hardState: HardState;
  /** The position of the newest stored snapshot; index and term 0 without one. */
  readonly snapshot: Position;
  /** The stored log behind the snapshot, without gaps. */
  readonly entries: readonly Entry[];
  /** How far the state machine is: what follows is given out again. At least the snapshot's index. */
  readonly appliedIndex: Index;
  readonly random: Random;
  /** Missing fields have the values of `DEFAULT_CONFIG`. */
  readonly config?: Partial<RaftConfig>;
  /**
   * Set when the disk lost entries: `entries` ends before the damage. Gives the last position that the node may have
   * acknowledged, or a higher one: the index may be Infinity, the term is that of `hardState` unless a lower one is known.
   * Until it is there again the node does not campaign, votes only for logs that reach so far, and fetches what it lacks.
   */
  readonly recovering?: { readonly untilIndex: Index; readonly untilTerm?: Term };
}

const EMPTY_HARD_STATE: HardState = { term: 0, vote: undefined, commit: 0 };

/** The hard state of a node that never took part. */
export const newHardState = (): HardState => EMPTY_HARD_STATE;

/**
 * One member of a Raft cluster, without clock, disk or network: tell it what happened, then take out what has to be
 * done, until there is nothing more.
 */
export class Raft {
  readonly #core: Core;
  readonly #readyMaker: ReadyMaker;

  constructor(options: RaftOptions) {
    const { id, snapshot, entries, appliedIndex, hardState, recovering } = options;
    const last = entries.at(-1)?.index ?? snapshot.index;
    assert(
      hardState.commit <= last || recovering !== undefined,
      "the commit index is in the log, or entries were lost",
    );
    const commit = Math.min(hardState.commit, last);
    const log = new Log({ boundary: snapshot, entries, commit, applied: appliedIndex });
    const start: HardState = { ...hardState, commit: log.commit };
    this.#core = new Core({
      id,
      config: configOf(options.config ?? {}),
      random: options.random,
      log,
      writes: new PendingWrites(log.lastIndex, start),
      hardState: start,
      membership: membershipAt(log, options.membership),
      recovering:
        recovering === undefined
          ? undefined
          : { index: recovering.untilIndex, term: recovering.untilTerm ?? hardState.term },
    });
    this.#readyMaker = new ReadyMaker(this.#core, hardState);
    maybeRecovered(this.#core);
  }

  /** Lets one tick pass. */
  tick(): void {
    const core = this.#core;
    core.now += 1;
    tickReads(core);
    if (core.state.role === "leader") tickLeader(core, core.state);
    else tickElection(core);
  }

  /**
   * Time may have passed that was not ticked, as after a pause of the process: no lease counts before a quorum has
   * confirmed the leadership anew. With `leaseReads`, to be called before anything else after each pause, and whenever a
   * tick comes late by more than `leaseDriftMax` allows. Without, it changes nothing.
   */
  paused(): void {
    if (this.#core.state.role === "leader") forgetLease(this.#core.state);
  }

  /** Takes in a message from another member, in whatever order they come. */
  step(message: Message): void {
    step(this.#core, message);
  }

  /** Starts an election now. Does nothing on a leader and on a node that is no voter. */
  campaign(): void {
    campaign(this.#core, "timeout");
  }

  /** Appends entries to the log of the cluster, all or none; only a leader does. */
  propose(data: readonly Uint8Array[]): ProposeResult {
    return propose(this.#core, data);
  }

  /** Proposes a change of who takes part. */
  changeMembership(change: MembershipChange): ChangeMembershipResult {
    return changeMembership(this.#core, change);
  }

  /** Asks for the index of a linearizable read; `Ready.reads` or `Ready.refusedReads` answers every request once. */
  readIndex(requestId: number): void {
    readIndex(this.#core, requestId);
  }

  /** Hands leadership to another voter. Watch `Ready.leadership` for the outcome. */
  transferLeadership(to: NodeId): TransferResult {
    return transferLeadership(this.#core, to);
  }

  /** The connection to the leader broke: makes a follower campaign soon. Harmless when the leader is well. */
  hintLeaderUnreachable(): void {
    hintLeaderUnreachable(this.#core);
  }

  /** Messages to this member were probably lost. */
  reportUnreachable(peer: NodeId): void {
    if (this.#core.state.role === "leader") reportUnreachable(this.#core.state, peer);
  }

  /** How the transfer asked for by `Ready.snapshotsWanted` ended. Must be told, or the member gets nothing more. */
  reportSnapshot(peer: NodeId, outcome: "finished" | "failed"): void {
    if (this.#core.state.role === "leader") reportSnapshot(this.#core.state, peer, outcome);
  }

  /**
   * Forgets log entries up to `index`, once a snapshot that covers them is stored. Members that are further behind will
   * need that snapshot, so leave a tail of entries for the slower ones.
   */
  compact(index: Index): void {
    this.#core.log.compact(index);
  }

  /** Takes out what has to be done now; undefined when there is nothing. */
  ready(): Ready | undefined {
    if (this.#core.state.role === "leader") lead(this.#core, this.#core.state);
    return this.#readyMaker.take();
  }

  /** The writes of the Ready of this number, and of all before it, are durable. */
  persisted(number: number): void {
    const core = this.#core;
    core.writes.finish(number);
    maybeRecovered(core);
    countOwnVote(core);
    if (core.state.role === "leader") maybeCommit(core, core.state);
  }

  /** The state machine has applied everything up to `index`. */
  applied(index: Index): void {
    this.#core.log.appliedTo(index);
  }

  status(): Status {
    return statusOf(this.#core);
  }

  /** The membership in force: the status's, without the rest of it. */
  get membership(): Membership {
    return this.#core.membership;
  }

  /** The part of the status that is asked for with every request. */
  standing(): Pick<Status, "role" | "term" | "leader"> {
    const { state, term, leader } = this.#core;
    return { role: state.role, term, leader };
  }
}

/** The membership in force: the last one that is known to be committed. */
function membershipAt(log: Log, atApplied: Membership): Membership {
  const entry = log.between(log.applied, log.commit).findLast(({ kind }) => kind === "membership");
  return entry === undefined ? atApplied : decodeMembership(entry.data);
}
