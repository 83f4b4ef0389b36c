import {
  ClusterError,
  codeOf,
  messageOf,
  sleep,
  type Clock,
  type Log,
  type Millis,
  type NodeId,
  type Scope,
} from "@murmur/base";
import {
  decodeMembership,
  encodeMembership,
  membersOf,
  type HardState,
  type Membership,
  type Message,
  type Raft,
  type Ready,
} from "@murmur/raft";
import type { LogEntry, LogStorage, Peers } from "./ports.ts";
import { OfferLedger } from "./offer-ledger.ts";
import type { Replica } from "./replica.ts";
import { SnapshotCourier } from "./snapshot-courier.ts";
import type { Consensus, Offer, OfferedRequest } from "./submitter.ts";

/** One tick of raft's clock; heartbeats every second tick, elections after 10 to 20. */
export const TICK_MS: Millis = 50;
const OFFER_TIMEOUT_MS: Millis = 2_000;
const READ_RETRY_MS: Millis = 20;
const WRITE_RETRY_MS: Millis = 10;
/** A snapshot is due after so many bytes or entries. */
const SNAPSHOT_BYTES = 16 * 1024 * 1024;
const SNAPSHOT_ENTRIES = 20_000;
/** Entries kept behind a snapshot, so that a follower that lags a little needs no snapshot. */
const TRAILING_ENTRIES = 5_000;

const RAFT_CHANNEL = "raft";

export interface RaftDriverOptions {
  readonly self: NodeId;
  readonly raft: Raft;
  readonly storage: LogStorage;
  readonly replica: Replica;
  /** As of the replica's applied index. */
  readonly membership: Membership;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly log: Log;
  /** The storage failed: nothing can be promised any more, the manager has to be started anew. */
  readonly onFatal: (error: unknown) => void;
  /** What changed in leadership or membership; called in the middle of the driver's work, so it only notes it. */
  readonly onChange: () => void;
}

/**
 * Drives the raft core: feeds it ticks and messages, writes what it wants written, sends what it wants sent, applies
 * what is committed. The core takes no time; all waiting is here.
 */
export class RaftDriver implements Consensus {
  readonly #options: RaftDriverOptions;
  readonly #scope: Scope;
  readonly #ledger = new OfferLedger();
  readonly #courier: SnapshotCourier;
  readonly #reads = new Map<number, { resolve: (index: number) => void; reject: (error: Error) => void }>();
  #nextRead = 1;
  readonly #leaderWaiters = new Set<() => void>();
  /** Resolves when all writes so far are durable. */
  #durable: Promise<void> = Promise.resolve();
  #pumpDue = false;
  /** While set no Ready is taken: a snapshot is being installed, or the disk's queue is full. */
  #held = false;
  #snapshotIndex: number;
  /** Where the replica stands, as a snapshot of it has to say. */
  #appliedTerm: number;
  #appliedMembership: Membership;
  #snapshotting = false;
  #failed = false;

  constructor(options: RaftDriverOptions, scope: Scope) {
    this.#options = options;
    this.#scope = scope;
    const { snapshot } = options.storage.recovered;
    this.#snapshotIndex = snapshot?.index ?? 0;
    this.#appliedTerm = snapshot?.term ?? 0;
    this.#appliedMembership = options.membership;
    this.#courier = new SnapshotCourier({ ...options, step: (message) => this.#step(message) }, scope);
  }

  /** Starts ticking and listening; ends with the scope. */
  start(): void {
    const { peers, clock, self } = this.#options;
    this.#scope.use(peers.onMessage(RAFT_CHANNEL, (from, message) => this.#receive(from, message)));
    this.#scope.use(peers.handle("raft.offer", (_from, body) => Promise.resolve(this.#answerOffer(body))));
    this.#scope.use(
      peers.onPeerDown((peer) => {
        const { leader } = this.#options.raft.status();
        if (peer === leader && peer !== self) this.#options.raft.hintLeaderUnreachable();
        else this.#options.raft.reportUnreachable(peer);
        this.pump();
      }),
    );
    let timer = clock.setTimer(TICK_MS, () => tick());
    const tick = (): void => {
      // One tick however late it is: a process that was held up hears what waits for it before it doubts the leader.
      this.#options.raft.tick();
      this.pump();
      timer = clock.setTimer(TICK_MS, tick);
    };
    this.#scope.defer(() => timer.cancel());
    this.#scope.defer(() => this.#failReads());
    this.pump();
  }

  leader(): { readonly id: NodeId | undefined; readonly term: number } {
    const { leader, term } = this.#options.raft.status();
    return { id: leader, term };
  }

  /** All managers, voters and learners, as far as this one knows. */
  members(): readonly NodeId[] {
    return membersOf(this.#options.raft.status().membership);
  }

  leaderChanged(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        signal.removeEventListener("abort", onAbort);
        this.#leaderWaiters.delete(wake);
        resolve();
      };
      const onAbort = (): void => {
        this.#leaderWaiters.delete(wake);
        reject(abortError(signal));
      };
      if (signal.aborted) return onAbort();
      this.#leaderWaiters.add(wake);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  async offer(leader: NodeId, request: OfferedRequest, signal: AbortSignal): Promise<Offer> {
    if (leader === this.#options.self) return this.#take(request);
    try {
      const answer = await this.#options.peers.call(leader, "raft.offer", request, {
        signal,
        timeoutMs: OFFER_TIMEOUT_MS,
      });
      return isOffer(answer) ? answer : { kind: "unknown" };
    } catch (error) {
      signal.throwIfAborted();
      this.#options.log.debug("offer got no answer", { leader, code: codeOf(error) });
      return { kind: "unknown" };
    }
  }

  async barrier(signal: AbortSignal): Promise<void> {
    for (;;) {
      const index = await this.#read(signal);
      if (index !== undefined) return this.#options.replica.reached(index, signal);
      await sleep(this.#options.clock, READ_RETRY_MS, signal);
    }
  }

  /** Takes every Ready there is, soon; many calls in one turn make one round, so proposals of a turn go together. */
  pump(): void {
    if (this.#pumpDue || this.#held) return;
    this.#pumpDue = true;
    queueMicrotask(() => {
      this.#pumpDue = false;
      this.#pumpNow();
    });
  }

  #pumpNow(): void {
    const { raft } = this.#options;
    while (!this.#held && !this.#scope.closed && !this.#failed) {
      const ready = raft.ready();
      if (ready === undefined) break;
      this.#handle(ready);
    }
  }

  #handle(ready: Ready): void {
    const { raft, replica } = this.#options;
    if (ready.leadership !== undefined) {
      this.#ledger.startTerm(ready.leadership.term);
      for (const wake of this.#leaderWaiters) wake();
    }
    if (ready.leadership !== undefined || ready.membership !== undefined) this.#options.onChange();
    this.#send(ready.messages);
    this.#persist(ready);
    for (const entry of ready.committed) {
      replica.apply(entry);
      this.#appliedTerm = entry.term;
      if (entry.kind === "membership") this.#appliedMembership = decodeMembership(entry.data);
    }
    const last = ready.committed.at(-1);
    if (last !== undefined) raft.applied(last.index);
    for (const { requestId, index } of ready.reads) this.#settleRead(requestId, index);
    for (const { requestId } of ready.refusedReads) this.#settleRead(requestId, undefined);
    for (const peer of ready.snapshotsWanted) this.#courier.deliver(peer);
    if (last !== undefined) this.#snapshotIfDue();
  }

  #persist(ready: Ready): void {
    const { storage, raft } = this.#options;
    const done = (): void => {
      raft.persisted(ready.number);
      this.#send(ready.messagesAfterSync);
      this.pump();
    };
    if (ready.snapshot !== undefined) {
      this.#hold(async () => {
        await this.#durable;
        const { index, term, membership } = await this.#courier.install();
        this.#snapshotIndex = index;
        this.#appliedTerm = term;
        this.#appliedMembership = decodeMembership(membership);
        await storage.write(batchOf(ready));
        done();
        raft.applied(index);
      });
      return;
    }
    if (ready.hardState === undefined && ready.entries.length === 0) {
      if (ready.messagesAfterSync.length === 0) return raft.persisted(ready.number);
      this.#afterDurable(this.#durable, done);
      return;
    }
    this.#durable = this.#write(ready);
    this.#afterDurable(this.#durable, done);
  }

  #afterDurable(durable: Promise<void>, done: () => void): void {
    durable.then(
      () => {
        if (!this.#scope.closed && !this.#failed) done();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  async #write(ready: Ready): Promise<void> {
    try {
      await this.#options.storage.write(batchOf(ready));
    } catch (error) {
      if (codeOf(error) !== "overloaded") throw error;
      // The disk's queue is full: nothing was taken, and nothing later may be written before this.
      this.#held = true;
      await sleep(this.#options.clock, WRITE_RETRY_MS, this.#scope.signal);
      await this.#write(ready);
      this.#held = false;
      this.pump();
    }
  }

  /** Does something that no other Ready may overtake. */
  #hold(work: () => Promise<void>): void {
    this.#held = true;
    this.#scope.run("snapshot install", async () => {
      try {
        await work();
      } catch (error) {
        return this.#fail(error);
      }
      this.#held = false;
      this.pump();
    });
  }

  #fail(error: unknown): void {
    if (this.#failed || this.#scope.closed) return;
    this.#failed = true;
    this.#options.log.error("the manager's storage failed", { error: messageOf(error) });
    this.#options.onFatal(error);
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) this.#options.peers.send(message.to, RAFT_CHANNEL, message);
  }

  #receive(from: NodeId, message: unknown): void {
    if (!isRaftMessage(message) || message.from !== from || message.to !== this.#options.self) return;
    this.#step(message);
  }

  #step(message: Message): void {
    this.#options.raft.step(message);
    this.pump();
  }

  #take(request: OfferedRequest): Offer {
    const { raft } = this.#options;
    if (raft.status().term !== request.term) return { kind: "refused", reason: "other_term" };
    if (this.#ledger.has(request.requestId)) return { kind: "accepted" };
    const answer = raft.propose([request.data]);
    if (answer.kind === "accepted") {
      this.#ledger.add(request.requestId);
      this.pump();
      return { kind: "accepted" };
    }
    switch (answer.reason) {
      case "overloaded":
        return { kind: "overloaded" };
      case "too_large":
        return { kind: "too_large" };
      case "transferring":
        return { kind: "refused", reason: "transferring" };
      default:
        return { kind: "refused", reason: "not_leader" };
    }
  }

  #answerOffer(body: unknown): Offer {
    if (!isOfferedRequest(body)) throw new ClusterError("invalid_argument", "raft.offer: malformed request");
    return this.#take(body);
  }

  /** The index to reach for a linearizable read; undefined when it was not confirmed and should be asked again. */
  #read(signal: AbortSignal): Promise<number | undefined> {
    const requestId = this.#nextRead;
    this.#nextRead += 1;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#reads.delete(requestId);
        reject(abortError(signal));
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      const settle = (index: number | undefined): void => {
        signal.removeEventListener("abort", onAbort);
        resolve(index);
      };
      this.#reads.set(requestId, { resolve: settle, reject });
      this.#options.raft.readIndex(requestId);
      this.pump();
    });
  }

  #settleRead(requestId: number, index: number | undefined): void {
    const read = this.#reads.get(requestId);
    this.#reads.delete(requestId);
    read?.resolve(index as number);
  }

  #failReads(): void {
    for (const { reject } of this.#reads.values()) reject(new ClusterError("unavailable", "this manager is stopping"));
    this.#reads.clear();
  }

  #snapshotIfDue(): void {
    const { replica, raft, storage, log } = this.#options;
    const entries = replica.applied - this.#snapshotIndex;
    if (this.#snapshotting || (replica.appliedBytes < SNAPSHOT_BYTES && entries < SNAPSHOT_ENTRIES)) return;
    this.#snapshotting = true;
    const { applied: index } = replica;
    const meta = { index, term: this.#appliedTerm, membership: encodeMembership(this.#appliedMembership) };
    const chunks = replica.store.snapshot();
    replica.snapshotTaken();
    this.#scope.run("snapshot", async (signal) => {
      try {
        await storage.saveSnapshot(meta, paced(chunks, this.#options.clock, signal));
        this.#snapshotIndex = index;
        const through = Math.max(0, index - TRAILING_ENTRIES);
        raft.compact(through);
        await storage.compact(through);
        log.info("snapshot stored", { index });
      } catch (error) {
        if (!signal.aborted) this.#fail(error);
      } finally {
        this.#snapshotting = false;
      }
    });
  }
}

/** Encodes one chunk a turn of the event loop, so that heartbeats go out in between. */
async function* paced(chunks: Iterable<Uint8Array>, clock: Clock, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    yield chunk;
    await sleep(clock, 0, signal);
  }
}

const abortError = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new ClusterError("cancelled", "the request was cancelled");

function batchOf(ready: Ready): {
  hardState?: { term: number; votedFor?: string; commit: number };
  entries?: readonly LogEntry[];
} {
  const { hardState, entries } = ready;
  return {
    ...(hardState === undefined ? {} : { hardState: storedState(hardState) }),
    ...(entries.length === 0 ? {} : { entries }),
  };
}

const storedState = ({ term, vote, commit }: HardState): { term: number; votedFor?: string; commit: number } => ({
  term,
  commit,
  ...(vote === undefined ? {} : { votedFor: vote }),
});

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** Peers are authenticated nodes of this cluster; this only keeps what is no message at all away from the core. */
const isRaftMessage = (value: unknown): value is Message =>
  isObject(value) &&
  typeof value["kind"] === "string" &&
  typeof value["from"] === "string" &&
  typeof value["to"] === "string" &&
  typeof value["term"] === "number";

const isOffer = (value: unknown): value is Offer => isObject(value) && typeof value["kind"] === "string";

const isOfferedRequest = (value: unknown): value is OfferedRequest =>
  isObject(value) &&
  typeof value["term"] === "number" &&
  typeof value["requestId"] === "string" &&
  value["data"] instanceof Uint8Array;
