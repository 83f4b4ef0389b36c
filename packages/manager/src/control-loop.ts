import { codeOf, messageOf, sleep, type Clock, type Log, type Millis, type Scope, type Timer } from "@murmur/base";
import { taskId, type Command, type ServiceId } from "@murmur/model";
import { affectedServices, reconcile, reconcileNodes } from "@murmur/orchestrator";
import { NodeSet, PendingTasks, schedule } from "@murmur/scheduler";
import type { Change, ChangeBatch, Store, Watch } from "@murmur/store";

const WATCH_LIMIT = 262_144;
/** The most commands of one log entry. */
const BATCH_COMMANDS = 500;
/** Tasks that are placed in one round. */
const PLACED_AT_ONCE = 250;
/** After a batch that could not be committed. */
const RETRY_MS: Millis = 100;
/** Everything is looked at anew this often, so that a missed change would cost a delay and not an outage. */
const RESEED_MS: Millis = 60_000;

export interface ControlLoopOptions {
  readonly store: Store;
  readonly submit: (commands: readonly Command[]) => Promise<void>;
  readonly newId: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The leader's loop: services that changed are reconciled, tasks without a node are placed, and what comes of it is
 * committed before the next round, so each round decides on what is true. It keeps nothing that a new leader would miss:
 * which services to look at, and when, follows from the state.
 */
export class ControlLoop {
  readonly #options: ControlLoopOptions;
  readonly #watch: Watch;
  #nodes: NodeSet;
  readonly #dirty = new Set<ServiceId>();
  readonly #wakeAt = new Map<ServiceId, Millis>();
  /** Tasks that want a node. Tried again whenever something changed that could make room. */
  #pending: PendingTasks;
  #retryPending = true;
  /** When to look at the nodes that are down for long; a change of a node makes it now. */
  #nodesDueAt: Millis = 0;
  #wake: (() => void) | undefined;
  #timer: Timer | undefined;
  #seededAt: Millis = 0;

  constructor(options: ControlLoopOptions, scope: Scope) {
    this.#options = options;
    this.#watch = options.store.watch({ limit: WATCH_LIMIT, onReady: () => this.#wakeUp() });
    this.#nodes = NodeSet.of(options.store.view);
    this.#pending = PendingTasks.of(options.store.view);
    this.#seed();
    scope.defer(() => {
      this.#watch.close();
      this.#timer?.cancel();
      this.#wakeUp();
    });
    scope.signal.addEventListener("abort", () => this.#wakeUp(), { once: true });
    scope.run("control loop", (signal) => this.#run(signal));
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#takeChanges();
      const commands = [...this.#reconcileDirty(), ...this.#place()].slice(0, BATCH_COMMANDS);
      if (commands.length === 0) {
        await this.#idle(signal);
        continue;
      }
      try {
        await this.#options.submit(commands);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log.debug("the leader's decisions wait", { code: codeOf(error), error: messageOf(error) });
        await sleep(this.#options.clock, RETRY_MS, signal);
        this.#seed();
      }
    }
  }

  /** Reconciles dirty services until a batch is full; the others stay dirty. */
  #reconcileDirty(): Command[] {
    const { store, clock, newId } = this.#options;
    const now = clock.now();
    for (const [id, at] of this.#wakeAt) {
      if (at > now) continue;
      this.#wakeAt.delete(id);
      this.#dirty.add(id);
    }
    const commands: Command[] = [...this.#reconcileNodes(now)];
    for (const id of [...this.#dirty].toSorted()) {
      if (commands.length >= BATCH_COMMANDS / 2) break;
      this.#dirty.delete(id);
      const result = reconcile(store.view, id, {
        now,
        newTaskId: () => taskId(newId()),
        commandsMax: BATCH_COMMANDS / 2,
      });
      commands.push(...result.commands);
      if (result.commands.length > 0) this.#dirty.add(id);
      if (result.wakeAt === undefined) this.#wakeAt.delete(id);
      else this.#wakeAt.set(id, result.wakeAt);
    }
    return commands;
  }

  #reconcileNodes(now: Millis): readonly Command[] {
    if (now < this.#nodesDueAt) return [];
    const { commands, wakeAt } = reconcileNodes(this.#options.store.view, { now });
    this.#nodesDueAt = wakeAt ?? Infinity;
    return commands;
  }

  /** Places the pending tasks; those that nothing fits wait, with the reason in their status. */
  #place(): Command[] {
    if (!this.#retryPending || this.#pending.size === 0) return [];
    const { store, clock } = this.#options;
    const now = clock.now();
    const tasks = this.#pending.list().slice(0, PLACED_AT_ONCE);
    this.#retryPending = this.#pending.size > tasks.length;
    const commands: Command[] = [];
    for (const decision of schedule(this.#nodes, tasks, { now })) {
      if (decision.nodeId !== undefined) {
        commands.push({ kind: "assignTask", id: decision.taskId, nodeId: decision.nodeId, now });
        continue;
      }
      const task = store.view.task(decision.taskId);
      if (task?.status.error === decision.reason) continue;
      const message = "pending task scheduling";
      commands.push({ kind: "explainTask", id: decision.taskId, message, error: decision.reason, now });
    }
    return commands;
  }

  #takeChanges(): void {
    const events = this.#watch.drain();
    const due = this.#options.clock.monotonic() - this.#seededAt >= RESEED_MS;
    if (events.kind === "resync") return this.#seed();
    for (const batch of events.batches) this.#note(batch);
    if (due) this.#seed();
  }

  #note({ changes }: ChangeBatch): void {
    const { view } = this.#options.store;
    for (const change of changes) {
      this.#nodes.apply(change);
      this.#pending.apply(change);
      for (const id of affectedServices(view, change)) this.#dirty.add(id);
      if (change.table === "nodes") this.#nodesDueAt = 0;
      if (makesRoom(change)) this.#retryPending = true;
    }
  }

  /** Looks at everything: at the start of a leadership, after a lost feed, and now and then. */
  #seed(): void {
    const { view } = this.#options.store;
    this.#seededAt = this.#options.clock.monotonic();
    this.#nodes = NodeSet.of(view);
    this.#pending = PendingTasks.of(view);
    for (const service of view.services()) this.#dirty.add(service.id);
    this.#retryPending = true;
  }

  async #idle(signal: AbortSignal): Promise<void> {
    if (this.#dirty.size > 0) return;
    const { clock } = this.#options;
    const now = clock.now();
    let delay = Math.min(RESEED_MS - (clock.monotonic() - this.#seededAt), this.#nodesDueAt - now);
    for (const at of this.#wakeAt.values()) delay = Math.min(delay, at - now);
    await new Promise<void>((resolve) => {
      if (signal.aborted) return resolve();
      this.#wake = resolve;
      this.#timer = clock.setTimer(Math.max(1, delay), () => this.#wakeUp());
    });
    this.#timer?.cancel();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

/** Whether a pending task may fit now that did not before, or is a new one. The reason given to a task is no news. */
function makesRoom(change: Change): boolean {
  if (change.table === "nodes" || change.table === "cluster") return true;
  if (change.table !== "tasks") return false;
  const { previous, current } = change;
  return previous === undefined || current === undefined || current.status.state !== previous.status.state;
}
