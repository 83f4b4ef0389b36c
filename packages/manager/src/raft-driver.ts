import {
  ClusterError,
  messageOf,
  sleep,
  type Clock,
  type Log,
  type Millis,
  type NodeId,
  type Scope,
  type Timer,
} from "@murmur/base";
import {
  decodeMembership,
  membersOf,
  NO_MEMBERSHIP,
  type Membership,
  type Message,
  type Raft,
  type Ready,
} from "@murmur/raft";
import { ChangeBell } from "./change-bell.ts";
import { DurableWrites } from "./durable-writes.ts";
import { isOfferedRequests, isRaftMessage } from "./messages.ts";
import { OFFER_METHOD, OfferBatcher } from "./offer-batcher.ts";
import { OfferLedger } from "./offer-ledger.ts";
import { PendingReads } from "./pending-reads.ts";
import type { LogStorage, Peers, SnapshotMeta } from "./ports.ts";
import type { Replica } from "./replica.ts";
import { SnapshotCourier } from "./snapshot-courier.ts";
import { Snapshotter, type Position, type SnapshotLimits } from "./snapshotter.ts";
import type { Consensus, Offer, OfferedRequest } from "./submitter.ts";

/** One tick of raft's clock; heartbeats every second tick, elections after 10 to 20. */
const TICK_MS: Millis = 50;
/**
 * Once no tick has come for so long, time has passed that raft does not know of, and leases end. Below 9/7 of a tick, as
 * much as raft allows clocks to differ (`leaseReads`); the rest is for the clocks.
 */
const TICK_LATE_MS: Millis = 60;
/** How long proposals may wait for the write before them, to share the next one: no longer, whatever the disk does. */
const GATHER_MS: Millis = 2;
const READ_RETRY_MS: Millis = 20;

/** Once so many bytes of committed entries were applied in a turn of the event loop, or for so long, the rest waits for the next. */
const APPLIED_BYTES_A_TURN = 128 * 1024;
const APPLYING_A_TURN_MS: Millis = 3;

const RAFT_CHANNEL = "raft";

export interface RaftDriverOptions {
  readonly self: NodeId;
  readonly raft: Raft;
  readonly storage: LogStorage;
  readonly replica: Replica;
  readonly peers: Peers;
  readonly snapshotLimits?: SnapshotLimits;
  readonly clock: Clock;
  readonly log: Log;
  /** The storage failed or an invariant broke: nothing can be promised any more, the manager has to be started anew. */
  readonly onFatal: (error: unknown) => void;
  /** What changed in leadership or membership; called in the middle of the driver's work, so it only notes it. */
  readonly onChange: () => void;
}

/** Less than it takes until gossip declares a node dead, more than several heartbeats. */
const HEARD_MS: Millis = 1_000;
const HEARD_KEPT = 32;

/**
 * Drives the raft core: feeds it ticks and messages, writes what it wants written, sends what it wants sent, applies
 * what is committed. The core takes no time; all waiting is here, and none of it holds up a heartbeat.
 */
export class RaftDriver implements Consensus {
  readonly #options: RaftDriverOptions;
  readonly #scope: Scope;
  readonly #ledger = new OfferLedger();
  readonly #writes: DurableWrites;
  readonly #courier: SnapshotCourier;
  readonly #snapshotter: Snapshotter;
  readonly #reads = new PendingReads();
  readonly #leaderBell = new ChangeBell();
  /** When the last message of each came. At most `HEARD_KEPT` besides those that are heard now. */
  readonly #heardAt = new Map<NodeId, Millis>();
  /** To the leader that offers were last sent to. */
  #offers: { readonly leader: NodeId; readonly batcher: OfferBatcher } | undefined;
  #tickedAt: Millis;
  #pumpDue = false;
  #gathering: Timer | undefined;
  /** Set when this turn has applied enough: nothing more is taken from raft before the next one. */
  #nextTurn: Timer | undefined;
  #applied: Position;
  #failed = false;

  constructor(options: RaftDriverOptions, scope: Scope) {
    this.#options = options;
    this.#scope = scope;
    const { snapshot } = options.storage.recovered;
    this.#applied = { term: snapshot?.term ?? 0, membership: membershipOfSnapshot(snapshot) };
    this.#tickedAt = options.clock.monotonic();
    this.#writes = new DurableWrites(options.storage);
    this.#courier = new SnapshotCourier({ ...options, step: (message) => this.#step(message) }, scope);
    this.#snapshotter = new Snapshotter({ ...options, onFailure: (error) => this.#fail(error) }, scope);
  }

  /** Starts ticking and listening; ends with the scope. */
  start(): void {
    const { peers, clock, raft, self } = this.#options;
    this.#scope.use(peers.onMessage(RAFT_CHANNEL, (from, message) => this.#receive(from, message)));
    this.#scope.use(peers.handle(OFFER_METHOD, (_from, body) => Promise.resolve(this.#answerOffers(body))));
    this.#scope.use(
      peers.onPeerDown((peer) => {
        this.#guard(() => {
          if (peer === raft.standing().leader && peer !== self) raft.hintLeaderUnreachable();
          else raft.reportUnreachable(peer);
        });
      }),
    );
    const tick = (): void => {
      // One tick however late it is: a process that was held up hears what waits for it before it doubts the leader.
      this.#guard(() => {
        this.#notePause();
        raft.tick();
      });
      this.#tickedAt = clock.monotonic();
      timer = clock.setTimer(TICK_MS, tick);
    };
    let timer = clock.setTimer(TICK_MS, tick);
    this.#scope.defer(() => timer.cancel());
    this.#scope.defer(() => this.#gathering?.cancel());
    this.#scope.defer(() => this.#nextTurn?.cancel());
    this.pump();
  }

  leader(): { readonly id: NodeId | undefined; readonly term: number } {
    const { leader, term } = this.#options.raft.standing();
    return { id: leader, term };
  }

  /** All managers, voters and learners, as far as this one knows. */
  members(): readonly NodeId[] {
    return membersOf(this.#options.raft.membership);
  }

  /** Whether another manager's messages come through: one has within the last second. */
  hears(peer: NodeId): boolean {
    const at = this.#heardAt.get(peer);
    return at !== undefined && this.#options.clock.monotonic() - at <= HEARD_MS;
  }

  /**
   * Stores a snapshot that covers an index at least, and drops all before it from the disk. Rejects when the index isn't
   * committed in time, or this manager stops.
   */
  async renewLog(through: number, signal: AbortSignal): Promise<void> {
    await this.#options.replica.reached(through, signal);
    await this.#snapshotter.renew(() => this.#applied);
    if (this.#failed || this.#scope.closed) throw new ClusterError("unavailable", "this manager is stopping");
  }

  leaderChanged(signal: AbortSignal): Promise<void> {
    return this.#leaderBell.wait(signal);
  }

  /** The signal ends when this manager stops. Never rejects: an offer without an answer is `unknown`. */
  offer(leader: NodeId, request: OfferedRequest, signal: AbortSignal): Promise<Offer> {
    if (leader === this.#options.self) return Promise.resolve(this.#take(request));
    if (this.#offers?.leader !== leader) this.#offers = { leader, batcher: new OfferBatcher(leader, this.#options) };
    return this.#offers.batcher.offer(request, signal);
  }

  async barrier(signal: AbortSignal): Promise<void> {
    const { raft, replica, clock } = this.#options;
    for (;;) {
      const index = await this.#reads.ask((requestId) => this.#guard(() => raft.readIndex(requestId)), signal);
      if (index !== undefined) return replica.reached(index, signal);
      await sleep(clock, READ_RETRY_MS, signal);
    }
  }

  /** Takes every Ready there is, soon; many calls in one turn make one round, so proposals of a turn go together. */
  pump(): void {
    if (this.#pumpDue || this.#nextTurn !== undefined) return;
    this.#pumpDue = true;
    queueMicrotask(() => {
      this.#pumpDue = false;
      this.#guard(() => this.#takeReadys(), false);
    });
  }

  /**
   * Takes out what was proposed: at once while nothing is being written, else when that is durable, so that all that is
   * proposed meanwhile is one write and one message to each follower.
   */
  #pumpGathered(): void {
    if (this.#writes.idle) return this.pump();
    this.#gathering ??= this.#options.clock.setTimer(GATHER_MS, () => {
      this.#gathering = undefined;
      this.pump();
    });
  }

  /** Whatever goes wrong inside the core or the replica ends this manager: half of a step must not be built upon. */
  #guard(work: () => void, thenPump = true): void {
    if (this.#failed || this.#scope.closed) return;
    try {
      work();
    } catch (error) {
      return this.#fail(error);
    }
    if (thenPump) this.pump();
  }

  #notePause(): void {
    const { raft, clock } = this.#options;
    if (clock.monotonic() - this.#tickedAt > TICK_LATE_MS) raft.paused();
  }

  #takeReadys(): void {
    const { raft, clock } = this.#options;
    this.#notePause();
    let appliedBytes = 0;
    const began = clock.monotonic();
    while (!this.#writes.full && !this.#failed) {
      const ready = raft.ready();
      if (ready === undefined) break;
      this.#handle(ready);
      for (const { data } of ready.committed) appliedBytes += data.byteLength;
      if (appliedBytes < APPLIED_BYTES_A_TURN && clock.monotonic() - began < APPLYING_A_TURN_MS) continue;
      // Whoever has much to catch up with, as after a start, still hears and answers others in between.
      this.#nextTurn ??= clock.setTimer(0, () => {
        this.#nextTurn = undefined;
        this.pump();
      });
      break;
    }
  }

  #handle(ready: Ready): void {
    if (ready.leadership !== undefined) {
      this.#ledger.startTerm(ready.leadership.term);
      this.#leaderBell.ring();
    }
    if (ready.leadership !== undefined || ready.membership !== undefined) this.#options.onChange();
    this.#send(ready.messages);
    this.#persist(ready);
    this.#apply(ready.committed);
    for (const { requestId, index } of ready.reads) this.#reads.answer(requestId, index);
    for (const { requestId } of ready.refusedReads) this.#reads.answer(requestId, undefined);
    for (const peer of ready.snapshotsWanted) this.#courier.deliver(peer);
  }

  #apply(committed: Ready["committed"]): void {
    const { raft, replica } = this.#options;
    const last = committed.at(-1);
    if (last === undefined) return;
    for (const entry of committed) {
      replica.apply(entry);
      if (entry.kind === "membership") this.#applied = { ...this.#applied, membership: decodeMembership(entry.data) };
    }
    this.#applied = { ...this.#applied, term: last.term };
    raft.applied(last.index);
    this.#snapshotter.applied(this.#applied);
  }

  /** The core is told in the order of the Readys: of each one it concludes that all before are durable, too. */
  #persist(ready: Ready): void {
    const { raft } = this.#options;
    const report = (): void => {
      raft.persisted(ready.number);
      if (ready.snapshot !== undefined) raft.applied(ready.snapshot.index);
      // Of a term that is over meanwhile nothing is said: the writes after this one may have cut off what it is about.
      const { term } = raft.standing();
      this.#send(ready.messagesAfterSync.filter((message) => message.term >= term));
    };
    const { snapshot } = ready;
    const written =
      snapshot === undefined
        ? this.#writes.write(ready)
        : this.#writes.replaceLog(ready, () => this.#install(snapshot.index));
    if (this.#writes.idle) return report();
    written.then(
      () => this.#guard(report),
      (error: unknown) => this.#fail(error),
    );
  }

  async #install(index: number): Promise<void> {
    const { term, membership } = await this.#courier.install(index);
    this.#snapshotter.installed(index);
    this.#applied = { term, membership: decodeMembership(membership) };
  }

  #fail(error: unknown): void {
    if (this.#failed || this.#scope.closed) return;
    this.#failed = true;
    this.#options.log.error("this manager has failed", { error: messageOf(error) });
    this.#options.onFatal(error);
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) this.#options.peers.send(message.to, RAFT_CHANNEL, message);
  }

  #receive(from: NodeId, message: unknown): void {
    if (!isRaftMessage(message) || message.from !== from || message.to !== this.#options.self) return;
    this.#noteHeard(from);
    this.#step(message);
  }

  #noteHeard(peer: NodeId): void {
    this.#heardAt.set(peer, this.#options.clock.monotonic());
    if (this.#heardAt.size <= HEARD_KEPT) return;
    for (const known of this.#heardAt.keys()) if (!this.hears(known)) this.#heardAt.delete(known);
  }

  #step(message: Message): void {
    this.#guard(() => this.#options.raft.step(message));
  }

  #answerOffers(body: unknown): readonly Offer[] {
    if (!isOfferedRequests(body)) throw new ClusterError("invalid_argument", `${OFFER_METHOD}: malformed requests`);
    return body.map((request) => this.#take(request));
  }

  #take(request: OfferedRequest): Offer {
    const { raft } = this.#options;
    if (this.#failed || this.#scope.closed) return { kind: "refused", reason: "not_leader" };
    if (raft.standing().term !== request.term) return { kind: "refused", reason: "other_term" };
    if (this.#ledger.has(request.requestId)) return { kind: "accepted" };
    const answer = raft.propose([request.data]);
    if (answer.kind === "accepted") {
      this.#ledger.add(request.requestId);
      this.#pumpGathered();
      return { kind: "accepted" };
    }
    switch (answer.reason) {
      case "overloaded":
      case "too_large":
        return { kind: answer.reason };
      case "transferring":
      case "not_leader":
        return { kind: "refused", reason: answer.reason };
    }
  }
}

/** Who takes part, as of a stored snapshot; without one nobody yet. */
export const membershipOfSnapshot = (snapshot: SnapshotMeta | undefined): Membership =>
  snapshot === undefined ? NO_MEMBERSHIP : decodeMembership(snapshot.membership);
