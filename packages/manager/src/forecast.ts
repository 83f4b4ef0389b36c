import { assert, ClusterError, sleep, type Clock, type Millis } from "@murmur/base";
import {
  isAssigned,
  isTerminal,
  taskId,
  wantsToRun,
  type Command,
  type Service,
  type ServiceId,
  type Task,
  type TaskId,
  type TaskState,
  type UserCommand,
} from "@murmur/model";
import { QuietSlots, reconcile, type OrchestratorCommand } from "@murmur/orchestrator";
import { leastMissed, schedule } from "@murmur/scheduler";
import type { Store, View, Watch } from "@murmur/store";
import { Fleet } from "./fleet.ts";

/** What one turn of the event loop looks at; heartbeats and all else go on in between. */
const LOOKS_A_TURN = 5_000;
const RECORDS_A_TURN = 5_000;
const PLACED_AT_ONCE = 250;
const NODE_LOOKS_A_TURN = 20_000;
/**
 * A rolling update takes at most about so many steps, of large services fewer, as each looks at all that is on its way:
 * their steps are larger than it is said.
 */
const STEPS_MAX = 100;
const STEPS_MIN = 10;
const STEPS_BY_TASKS = 200_000;
/** What has not come to rest by then is shown as it is. */
const SETTLE_MS: Millis = 5_000;
/** So often in a row nothing comes of a later look: what is waited for then does not come by waiting. */
const IDLE_WAKES_MAX = 16;
/** Changes between two looks at them: those of one round. */
const WATCH_LIMIT = 65_536;

/** A user's change of a service. */
export type ServiceChange = Extract<UserCommand, { kind: "createService" | "updateService" | "rollbackService" }>;

/** Where a change of a service would lead. Nobody else has the view: it is a copy of the state. */
export interface Forecast {
  readonly view: View;
  /** As it is now; undefined when it would be made. */
  readonly before: Service | undefined;
  readonly tasksBefore: readonly Task[];
  /** As it would be right after the change. */
  readonly after: Service;
  /** Whether all came to rest; else the time was up before. */
  readonly settled: boolean;
}

export interface ForecastOptions {
  readonly store: Pick<Store, "fork">;
  readonly newId: () => string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Tries a change of a service out on a copy of the state: the store decides whether it is taken, the orchestrator and the
 * scheduler what comes of it, until the service is at rest. Every node is taken to do at once what it is told, and every
 * task to come up; other services stay as they are, but for tasks that wait and get room by the change. Time passes in
 * the copy only. Rejects with the store's refusal, or with the signal's reason.
 */
export async function forecast(change: ServiceChange, options: ForecastOptions): Promise<Forecast> {
  const { clock, signal } = options;
  const fork = options.store.fork();
  let store: Store | undefined;
  while ((store = fork.read(RECORDS_A_TURN)) === undefined) await sleep(clock, 0, signal);
  const { view } = store;
  const before = change.kind === "createService" ? undefined : view.service(change.id);
  const tasksBefore = view.tasksOfService(change.id);
  const result = store.apply(view.version + 1, change);
  if (!result.ok) throw new ClusterError(result.code, result.message);
  const after = view.service(change.id);
  assert(after !== undefined, "a change that was taken leaves its service");
  const rehearsal = new Rehearsal(store, change, options);
  const until = clock.monotonic() + SETTLE_MS;
  let settled = false;
  while (!settled && clock.monotonic() < until) {
    settled = rehearsal.turn();
    await sleep(clock, 0, signal);
  }
  return { view, before, tasksBefore, after, settled };
}

/** Plays leader and agents of one service, on a store that is nobody else's. */
class Rehearsal {
  readonly #store: Store;
  readonly #id: ServiceId;
  readonly #newId: () => string;
  readonly #watch: Watch;
  readonly #fleet: Fleet;
  readonly #quiet = new QuietSlots();
  /** Tasks of the service about which an agent may have something to say. */
  #stirred: Set<TaskId>;
  /** The time in the copy. */
  #now: Millis;
  #idleWakes = 0;

  constructor(store: Store, { id, now }: ServiceChange, { newId }: ForecastOptions) {
    this.#store = store;
    this.#id = id;
    this.#now = now;
    this.#newId = newId;
    this.#watch = store.watch({ limit: WATCH_LIMIT, onReady: () => {} });
    this.#fleet = new Fleet(store.view);
    this.#stirred = new Set(store.view.tasksOfService(id).map((task) => task.id));
  }

  /** Goes on for about as long as a turn of the event loop may take; true when nothing is left to do. */
  turn(): boolean {
    if (!this.#fleet.complete) {
      this.#fleet.read(LOOKS_A_TURN);
      return false;
    }
    for (let looks = 0; looks < LOOKS_A_TURN;) {
      const round = this.#reconcile();
      looks += round.looks + 1;
      const acted = this.#apply(round.commands) + this.#place() + this.#act();
      if (acted > 0) {
        this.#idleWakes = 0;
        looks += acted;
        continue;
      }
      if (this.#fleet.pending.size > 0) return false;
      this.#idleWakes += 1;
      if (round.wakeAt === undefined || this.#idleWakes > IDLE_WAKES_MAX) return true;
      this.#now = Math.max(this.#now, round.wakeAt);
    }
    return false;
  }

  #reconcile(): {
    readonly commands: readonly OrchestratorCommand[];
    readonly wakeAt?: Millis;
    readonly looks: number;
  } {
    const { view } = this.#store;
    const now = this.#now;
    const { nodes } = this.#fleet;
    const strategy = view.cluster()?.spec.strategy ?? "spread";
    return reconcile(view, this.#id, {
      now,
      newTaskId: () => taskId(this.#newId()),
      quiet: this.#quiet,
      atOnceMin: atOnceMin(view.tasksOfService(this.#id).length),
      leastMissed: (groups) => leastMissed(nodes, groups, { now, strategy }),
    });
  }

  #place(): number {
    const { view } = this.#store;
    const { nodes, pending } = this.#fleet;
    const strategy = view.cluster()?.spec.strategy ?? "spread";
    const options = { now: this.#now, networks: view, looksMax: NODE_LOOKS_A_TURN, strategy };
    const commands: Command[] = [];
    for (const { taskId: id, nodeId } of schedule(nodes, pending.first(PLACED_AT_ONCE), options)) {
      if (nodeId === undefined) pending.setAside(id);
      else commands.push({ kind: "assignTask", id, nodeId, now: this.#now });
    }
    return this.#apply(commands);
  }

  /** What agents report: a task is as far as it is wanted, and one that is to stop has stopped. */
  #act(): number {
    const stirred = this.#stirred;
    this.#stirred = new Set();
    const commands: Command[] = [];
    for (const id of stirred) {
      const task = this.#store.view.task(id);
      const node = task?.nodeId === undefined ? undefined : this.#store.view.node(task.nodeId);
      if (task === undefined || node === undefined || node.status.state !== "ready") continue;
      const state = reachedBy(task);
      if (state === task.status.state || !isAssigned(task.status.state) || isTerminal(task.status.state)) continue;
      const status = { state, at: this.#now, message: "" };
      commands.push({ kind: "reportTasks", nodeId: node.id, statuses: [{ id, status }], now: this.#now });
    }
    return this.#apply(commands);
  }

  /** Applies what was decided; returns how many commands made a difference. */
  #apply(commands: readonly Command[]): number {
    const { view } = this.#store;
    for (const command of commands) this.#store.apply(view.version + 1, command);
    const events = this.#watch.drain();
    assert(events.kind !== "resync", "the changes of one round fit the watch");
    let changes = 0;
    for (const batch of events.batches) {
      for (const change of batch.changes) {
        changes += 1;
        this.#fleet.apply(change);
        this.#quiet.apply(view, change);
        if (change.table !== "tasks") continue;
        if (change.current?.serviceId === this.#id) this.#stirred.add(change.current.id);
        // Something may have made room for a task that fitted nowhere.
        if (change.previous?.status.state !== change.current?.status.state) this.#fleet.pending.recall();
      }
    }
    return changes;
  }
}

function atOnceMin(tasks: number): number {
  const steps = Math.max(STEPS_MIN, Math.min(STEPS_MAX, STEPS_BY_TASKS / Math.max(1, tasks)));
  return Math.ceil(tasks / steps);
}

function reachedBy({ desiredState, status }: Task): TaskState {
  if (!wantsToRun(desiredState)) return "shutdown";
  if (desiredState === "ready" && status.state !== "running") return "ready";
  return "running";
}
