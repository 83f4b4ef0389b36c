import { ClusterError, messageOf, MisdirectedError, Scope, type Millis, type NodeId, withDeadline } from "@murmur/base";
import type { Command } from "@murmur/model";
import type { Membership, PeerStatus } from "@murmur/raft";
import { createStore, type ApplyResult, type View, type Watch, type WatchOptions } from "@murmur/store";
import { ClusterTime } from "./cluster-time.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Forecast, ServiceChange } from "./forecast.ts";
import { ForecastDesk } from "./forecast-desk.ts";
import { LeadershipKeeper } from "./leadership.ts";
import type { ManagerContext } from "./manager-context.ts";
import type { ManagerOptions } from "./manager-options.ts";
import type { SessionChannel } from "./ports.ts";
import { RaftDriver } from "./raft-driver.ts";
import { recoverRaft } from "./recovered-raft.ts";
import { Replica } from "./replica.ts";
import { SessionGuard } from "./session-guard.ts";
import { SESSIONS_METHOD } from "./session-watch.ts";
import { noLeader, Submitter } from "./submitter.ts";

const READ_TIMEOUT_MS: Millis = 10_000;
/** An agent that gets no session here tries another manager. */
const SESSION_READ_TIMEOUT_MS: Millis = 2_000;
const HAND_OVER_MS: Millis = 1_000;
/** The most commands of one of the first entries. */
const BOOTSTRAP_COMMANDS = 500;

export interface ManagerStatus {
  readonly role: "follower" | "preCandidate" | "candidate" | "leader";
  readonly term: number;
  readonly leader: NodeId | undefined;
  readonly membership: Membership;
  readonly commit: number;
  readonly applied: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** The disk lost entries that have not come back yet: this manager neither votes nor leads. */
  readonly recovering: boolean;
  /** On the leader: how far each other manager's log is. */
  readonly peers: readonly PeerStatus[];
  readonly sessions: number;
  /** Requests that wait to be committed. */
  readonly waiting: number;
}

/** The replicated state at one position. `view` is live: what must fit the chunks is read of it at once. */
export interface StateSnapshot {
  readonly index: number;
  readonly term: number;
  readonly view: View;
  /** Each is valid until the next is asked for. */
  readonly chunks: Iterable<Uint8Array>;
}

/**
 * A manager: one replica of the cluster's state, and, while it leads, the loops that act on it. Any manager takes
 * requests and serves sessions; what has to be written goes to the leader.
 */
export class Manager implements AsyncDisposable {
  readonly #context: ManagerContext;
  readonly #scope: Scope;
  readonly #submitter: Submitter;
  readonly #forecasts: ForecastDesk;

  private constructor(context: ManagerContext, submitter: Submitter, scope: Scope) {
    this.#context = context;
    this.#submitter = submitter;
    this.#scope = scope;
    const { replica, newId, clock } = context;
    this.#forecasts = new ForecastDesk({ store: replica.store, newId, clock, stopping: scope.signal });
  }

  /** Recovers what the storage holds and takes part from then on. Rejects with `corrupt` when it can't be read. */
  static async start(options: ManagerOptions): Promise<Manager> {
    const scope = new Scope(options.log, options.onFatal);
    try {
      return await Manager.#build(options, scope);
    } catch (error) {
      await scope[Symbol.asyncDispose]();
      throw error;
    }
  }

  static async #build(given: ManagerOptions, scope: Scope): Promise<Manager> {
    const clock = new ClusterTime(given.clock);
    const options = { ...given, clock };
    const { log, peers, newId, bootstrap } = options;
    const store = createStore();
    const replica = new Replica({ store, appliedIndex: 0, log, heard: (moment) => clock.heard(moment) });
    const raft = await recoverRaft(options, replica);
    let keeper: LeadershipKeeper | undefined;
    const onChange = (): void => {
      keeper?.changed();
      options.onChange?.();
    };
    const driver = new RaftDriver({ ...options, raft, replica, onChange }, scope);
    const submitter = new Submitter({ consensus: driver, replica, clock, newId, stopping: scope.signal });
    const submitInternal = (commands: readonly Command[], signal: AbortSignal): Promise<readonly ApplyResult[]> =>
      submitter.submit(commands, signal);
    const dispatcher = new Dispatcher(
      { store, clock, log, unseal: options.unseal, submit: (commands) => submitInternal(commands, scope.signal) },
      scope,
    );
    const context: ManagerContext = { ...options, raft, replica, driver, dispatcher, submitInternal };
    keeper = new LeadershipKeeper(context, scope);
    new SessionGuard({ leader: () => driver.leader().id, dispatcher, clock, log }).start(scope);
    scope.use(
      peers.handle("session.has", (_from, id) =>
        Promise.resolve(typeof id === "string" && dispatcher.has(id as NodeId)),
      ),
    );
    scope.use(peers.handle(SESSIONS_METHOD, () => Promise.resolve(dispatcher.nodes())));
    driver.start();
    const manager = new Manager(context, submitter, scope);
    if (bootstrap !== undefined) await manager.#bootstrap(bootstrap.commands);
    return manager;
  }

  /** The replica's state, as far as it has been applied here. Live: see `View`. */
  get view(): View {
    return this.#context.replica.store.view;
  }

  /** The membership in force, as far as this manager knows. */
  get membership(): Membership {
    return this.#context.raft.membership;
  }

  status(): ManagerStatus {
    const { role, term, leader, membership, commit, lastIndex, lastTerm, recovering, peers } =
      this.#context.raft.status();
    return {
      role,
      term,
      leader,
      membership,
      commit,
      lastIndex,
      lastTerm,
      recovering,
      peers,
      applied: this.#context.replica.applied,
      sessions: this.#context.dispatcher.sessions,
      waiting: this.#context.replica.waiting,
    };
  }

  /** Submits a user's or the node's command. Rejects with the refusal's code and message when it is refused. */
  async submit(command: Command, signal: AbortSignal): Promise<{ readonly id?: string; readonly version: number }> {
    // Whoever made it has read another clock.
    const now = Math.max(command.now, this.#context.clock.now());
    const [result] = await this.#submitter.submit([{ ...command, now }], signal);
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

  /**
   * The whole state at one position that a quorum has confirmed. Its chunks may be read while commands go on; what they
   * are made of is kept in memory for so long.
   */
  async snapshot(signal: AbortSignal): Promise<StateSnapshot> {
    const view = await this.read(signal);
    const { raft, replica } = this.#context;
    return { index: replica.applied, term: raft.status().term, view, chunks: replica.store.snapshot() };
  }

  /** Where a change of a service would lead, tried out on a copy of the state; nothing is submitted. */
  async forecast(change: ServiceChange, signal: AbortSignal): Promise<Forecast> {
    await this.read(signal);
    return this.#forecasts.work({ ...change, now: Math.max(change.now, this.#context.clock.now()) }, signal);
  }

  /**
   * Stores a snapshot that covers this index at least, and drops everything before it from the disk: nothing that was
   * written by then is needed any more. Errors: `timeout`, `unavailable` when this manager stops.
   */
  async renewLog(through: number, signal: AbortSignal): Promise<void> {
    const { clock, driver } = this.#context;
    const late = (): Error => new ClusterError("timeout", "what this manager wrote last isn't committed yet");
    const signals = [signal, this.#scope.signal];
    await withDeadline({ clock, limitMs: READ_TIMEOUT_MS, late, signals }, (until) => driver.renewLog(through, until));
  }

  /** This node has other keys than before: agents get what could not be opened for them. */
  keysChanged(): void {
    this.#context.dispatcher.keysChanged();
  }

  /** A digest of the whole replica, to compare it with another one at the same version. O(n). */
  digest(): string {
    return this.#context.replica.store.hash();
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
    const { raft, driver, clock, log } = this.#context;
    const { role, membership, peers } = raft.status();
    if (role !== "leader") return;
    // Just after raft's check of its quorum nobody is active: then it is who has most.
    const best = peers
      .filter(({ id }) => membership.voters.includes(id))
      .toSorted((left, right) => Number(right.active) - Number(left.active) || right.match - left.match)
      .at(0)?.id;
    if (best === undefined) return;
    raft.transferLeadership(best);
    driver.pump();
    const late = new Error("nobody took over");
    const signals = [signal, this.#scope.signal];
    try {
      await withDeadline({ clock, limitMs: HAND_OVER_MS, late: () => late, signals }, async (until) => {
        while (raft.status().role === "leader") await driver.leaderChanged(until);
      });
    } catch (error) {
      // The others will elect a leader by themselves.
      log.info("leadership could not be handed over", { to: best, error: messageOf(error) });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scope[Symbol.asyncDispose]();
  }

  /** Waits until this replica shows all that was committed before the call, confirmed by a quorum. */
  async #confirm(signal: AbortSignal, limitMs: Millis): Promise<void> {
    const { clock, driver } = this.#context;
    const signals = [signal, this.#scope.signal];
    try {
      await withDeadline({ clock, limitMs, late: noLeader, signals }, (until) => driver.barrier(until));
    } catch (error) {
      if (!this.#scope.closed) throw error;
      throw new MisdirectedError("this manager is stopping; ask another one", { cause: error });
    }
  }

  /** The first entries of a new cluster, or of one that begins anew: this node becomes leader by its own vote alone. */
  async #bootstrap(commands: readonly Command[]): Promise<void> {
    this.#context.raft.campaign();
    this.#context.driver.pump();
    for (let at = 0; at < commands.length; at += BOOTSTRAP_COMMANDS) {
      await this.submitInternal(commands.slice(at, at + BOOTSTRAP_COMMANDS), this.#scope.signal);
    }
  }
}

function accepted(result: ApplyResult | undefined): { readonly id?: string; readonly version: number } {
  if (result === undefined) throw new ClusterError("internal", "the command has no result");
  if (!result.ok) throw new ClusterError(result.code, result.message);
  return { version: result.version, ...(result.id === undefined ? {} : { id: result.id }) };
}
