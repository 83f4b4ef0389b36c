import { ClusterError, nodeId, Scope, type Clock, type Log, type Millis, type NodeId, type Random } from "@murmur/base";
import type { Command } from "@murmur/model";
import {
  decodeMembership,
  encodeMembership,
  membershipOf,
  NO_MEMBERSHIP,
  Raft,
  type Entry,
  type HardState,
  type Membership,
  type RaftConfig,
} from "@murmur/raft";
import { createStore, type ApplyResult, type View, type Watch, type WatchOptions } from "@murmur/store";
import { Dispatcher } from "./dispatcher.ts";
import { LeadershipKeeper } from "./leadership.ts";
import type { Liveness, LogEntry, LogStorage, Peers, SessionChannel } from "./ports.ts";
import { RaftDriver } from "./raft-driver.ts";
import { Replica } from "./replica.ts";
import { loadSnapshot } from "./snapshot-courier.ts";
import { Submitter } from "./submitter.ts";

const READ_TIMEOUT_MS: Millis = 10_000;
/** An agent that gets no session here tries another manager. */
const SESSION_READ_TIMEOUT_MS: Millis = 2_000;

export interface ManagerOptions {
  readonly self: NodeId;
  readonly storage: LogStorage;
  readonly peers: Peers;
  readonly liveness: Liveness;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Mints ids of tasks and requests: 25 characters of base 36. */
  readonly newId: () => string;
  /** Set to start a new cluster with this node as its only voter; the storage must be empty. */
  readonly bootstrap?: { readonly commands: readonly Command[] };
  /** The storage failed or an invariant broke: the manager must be closed, and may be started anew. */
  readonly onFatal: (error: unknown) => void;
  /** Called when leader, term or membership have changed. */
  readonly onChange?: () => void;
  readonly raftConfig?: Partial<RaftConfig>;
}

/** What the parts of a manager share. */
export interface ManagerContext extends ManagerOptions {
  readonly raft: Raft;
  readonly replica: Replica;
  readonly driver: RaftDriver;
  readonly dispatcher: Dispatcher;
  submitInternal(commands: readonly Command[], signal: AbortSignal): Promise<void>;
}

export interface ManagerStatus {
  readonly role: "follower" | "preCandidate" | "candidate" | "leader";
  readonly term: number;
  readonly leader: NodeId | undefined;
  readonly membership: Membership;
  readonly commit: number;
  readonly applied: number;
  readonly sessions: number;
  /** Requests that wait to be committed. */
  readonly waiting: number;
}

/**
 * A manager: one replica of the cluster's state, and, while it leads, the loops that act on it. Any manager takes
 * requests and serves sessions; what has to be written goes to the leader.
 */
export class Manager implements AsyncDisposable {
  readonly #context: ManagerContext;
  readonly #scope: Scope;
  readonly #submitter: Submitter;

  private constructor(context: ManagerContext, submitter: Submitter, scope: Scope) {
    this.#context = context;
    this.#submitter = submitter;
    this.#scope = scope;
  }

  /** Recovers what the storage holds and takes part from then on. Rejects with `corrupt` when it can't be read. */
  static async start(options: ManagerOptions): Promise<Manager> {
    const { storage, log, self, clock, random, peers, newId } = options;
    const scope = new Scope(log, options.onFatal);
    const store = createStore();
    const replica = new Replica({ store, appliedIndex: 0, log });
    const { snapshot, damage } = storage.recovered;
    if (snapshot !== undefined) {
      const stored = await storage.openSnapshot();
      if (stored === undefined) throw new ClusterError("corrupt", "the stored snapshot is missing");
      await using reader = stored;
      await loadSnapshot(reader, replica);
    }
    if (damage !== undefined)
      log.warn("the log is damaged; what is lost comes back from the other managers", { why: damage.reason });
    const start = options.bootstrap === undefined ? recoveredLog(storage) : await foundLog(storage, self);
    const membership = snapshot === undefined ? NO_MEMBERSHIP : decodeMembership(snapshot.membership);
    const raft = new Raft({
      id: self,
      membership,
      random,
      config: options.raftConfig ?? {},
      hardState: start.hardState,
      snapshot: { index: snapshot?.index ?? 0, term: snapshot?.term ?? 0 },
      entries: start.entries,
      appliedIndex: snapshot?.index ?? 0,
      ...(damage === undefined ? {} : { recovering: { untilIndex: damage.lastIndex } }),
    });
    let keeper: LeadershipKeeper | undefined;
    const onChange = (): void => {
      keeper?.changed();
      options.onChange?.();
    };
    const driver = new RaftDriver(
      { self, raft, storage, replica, membership, peers, clock, log, onFatal: options.onFatal, onChange },
      scope,
    );
    const submitter = new Submitter({ consensus: driver, replica, clock, newId });
    const submitInternal = async (commands: readonly Command[], signal: AbortSignal): Promise<void> => {
      await submitter.submit(commands, signal);
    };
    const dispatcher = new Dispatcher(
      { store, clock, log, submit: (commands) => submitInternal(commands, scope.signal) },
      scope,
    );
    const context: ManagerContext = { ...options, raft, replica, driver, dispatcher, submitInternal };
    keeper = new LeadershipKeeper(context, scope);
    scope.use(
      peers.handle("session.has", (_from, id) =>
        Promise.resolve(typeof id === "string" && dispatcher.has(id as NodeId)),
      ),
    );
    driver.start();
    const manager = new Manager(context, submitter, scope);
    if (options.bootstrap !== undefined) await manager.#bootstrap(options.bootstrap.commands);
    return manager;
  }

  /** The replica's state, as far as it has been applied here. Live: see `View`. */
  get view(): View {
    return this.#context.replica.store.view;
  }

  status(): ManagerStatus {
    const { role, term, leader, membership, commit } = this.#context.raft.status();
    return {
      role,
      term,
      leader,
      membership,
      commit,
      applied: this.#context.replica.applied,
      sessions: this.#context.dispatcher.nodes().length,
      waiting: this.#context.replica.waiting,
    };
  }

  /** Submits a user's or the node's command. Rejects with the refusal's code and message when it is refused. */
  async submit(command: Command, signal: AbortSignal): Promise<{ readonly id?: string; readonly version: number }> {
    const [result] = await this.#submitter.submit([command], signal);
    return accepted(result);
  }

  /** Submits commands of the node itself in one entry; rejects with the first refusal. */
  async submitInternal(commands: readonly Command[], signal: AbortSignal): Promise<void> {
    for (const result of await this.#submitter.submit(commands, signal)) accepted(result);
  }

  /** A linearizable read: waits until this replica shows everything that was acknowledged before the call. */
  async read(signal: AbortSignal): Promise<View> {
    await this.#confirm(signal, READ_TIMEOUT_MS);
    return this.view;
  }

  /** A feed of the replica's changes. Ends with the manager, or when it is closed. */
  watch(options: WatchOptions): Watch {
    return this.#context.replica.store.watch(options);
  }

  /**
   * Serves an agent's session until it is lost. First makes sure that this replica shows all that is committed: one that
   * lags would send the agent back in time, one that is empty would tell it that it was removed from the cluster.
   */
  async serveSession(channel: SessionChannel): Promise<void> {
    try {
      await this.#confirm(this.#scope.signal, SESSION_READ_TIMEOUT_MS);
    } catch (error) {
      channel.close();
      throw error;
    }
    await this.#context.dispatcher.serve(channel);
  }

  /** Hands leadership to another voter, if this one leads; resolves when it does no more, or after a second. */
  async handOver(signal: AbortSignal): Promise<void> {
    const { raft, driver, clock } = this.#context;
    const { role, membership, peers } = raft.status();
    if (role !== "leader") return;
    const best = peers
      .filter(({ id, active }) => active && membership.voters.includes(id))
      .toSorted((left, right) => right.match - left.match)
      .at(0)?.id;
    if (best === undefined) return;
    raft.transferLeadership(best);
    driver.pump();
    const deadline = new AbortController();
    const timer = clock.setTimer(1_000, () => deadline.abort(new Error("nobody took over")));
    const abort = (): void => deadline.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      while (raft.status().role === "leader") await driver.leaderChanged(deadline.signal);
    } catch {
      // Nobody took over in time: the others will elect a leader by themselves.
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", abort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scope[Symbol.asyncDispose]();
  }

  /** Waits until this replica shows all that was committed before the call, confirmed by a quorum. */
  async #confirm(signal: AbortSignal, limitMs: Millis): Promise<void> {
    const deadline = new AbortController();
    const abort = (): void => deadline.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    const timer = this.#context.clock.setTimer(limitMs, () =>
      deadline.abort(
        new ClusterError("no_leader", "no leader: too few managers can reach each other; see `murmur node ls`"),
      ),
    );
    try {
      await this.#context.driver.barrier(deadline.signal);
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", abort);
    }
  }

  /** The first entries of a new cluster: this node becomes leader by its own vote alone. */
  async #bootstrap(commands: readonly Command[]): Promise<void> {
    this.#context.raft.campaign();
    this.#context.driver.pump();
    const results = await this.#submitter.submit(commands, this.#scope.signal);
    for (const result of results) accepted(result);
  }
}

function accepted(result: ApplyResult | undefined): { readonly id?: string; readonly version: number } {
  if (result === undefined) throw new ClusterError("internal", "the command has no result");
  if (!result.ok) throw new ClusterError(result.code, result.message);
  return { version: result.version, ...(result.id === undefined ? {} : { id: result.id }) };
}

interface StartLog {
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
}

/** What the disk held, as the core wants it. */
function recoveredLog({ recovered }: LogStorage): StartLog {
  const { hardState, snapshot } = recovered;
  const vote = hardState.votedFor === undefined ? undefined : nodeId(hardState.votedFor);
  return {
    hardState: { term: hardState.term, vote, commit: hardState.commit },
    entries: recovered.entries.filter(({ index }) => index > (snapshot?.index ?? 0)).map(entryOf),
  };
}

/** The log of a new cluster: one committed entry that makes this node its only voter. */
async function foundLog(storage: LogStorage, self: NodeId): Promise<StartLog> {
  const { entries, snapshot } = storage.recovered;
  if (entries.length > 0 || snapshot !== undefined) {
    throw new ClusterError("already_in_cluster", "this node's log belongs to a cluster already");
  }
  const entry: Entry = { index: 1, term: 1, kind: "membership", data: encodeMembership(membershipOf([self])) };
  await storage.write({ hardState: { term: 1, commit: 1 }, entries: [entry] });
  return { hardState: { term: 1, vote: undefined, commit: 1 }, entries: [entry] };
}

function entryOf({ index, term, kind, data }: LogEntry): Entry {
  if (kind !== "normal" && kind !== "membership" && kind !== "noop") {
    throw new ClusterError(
      "corrupt",
      `the log holds an entry of an unknown kind (${kind}); it was written by a newer version`,
    );
  }
  return { index, term, kind, data };
}
