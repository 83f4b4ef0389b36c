import { codeOf, messageOf, sleep, type Clock, type Log, type Millis, type Scope, type Timer } from "@murmur/base";
import { taskId, type Command, type ServiceId, type Strategy } from "@murmur/model";
import { affectedServices, QuietSlots, reconcile, Reliefs, reconcileNodes } from "@murmur/orchestrator";
import { leastMissed, schedule } from "@murmur/scheduler";
import type { Change, ChangeBatch, Store, Watch } from "@murmur/store";
import { Balancer } from "./balancer.ts";
import { Fleet } from "./fleet.ts";

const WATCH_LIMIT = 262_144;
/** The most commands of one log entry. */
const BATCH_COMMANDS = 500;
/** Half of it is the services' to fill, so that placing tasks never waits for ever. */
const RECONCILED_COMMANDS = BATCH_COMMANDS / 2;
/** Tasks that are given to the scheduler at once. */
const PLACED_AT_ONCE = 250;
/**
 * What one turn of the event loop looks at: tasks of services, and nodes for the services that have tasks to place.
 * Some ten milliseconds; what is left is for the next turns, so that a large cluster holds no heartbeat up. A service is
 * looked at as a whole: one of 100,000 tasks, the largest allowed, takes a tenth of a second.
 */
const TASKS_A_TURN = 5_000;
const NODE_LOOKS_A_TURN = 20_000;
/** After a batch that could not be committed, or of which nothing was accepted. */
const RETRY_MS: Millis = 100;
/** Everything is looked at anew this often, so that a missed change would cost a delay and not an outage. */
const RESEED_MS: Millis = 60_000;

export interface ControlLoopOptions {
  readonly store: Store;
  /** Resolves with what became of each command. */
  readonly submit: (commands: readonly Command[]) => Promise<readonly { readonly ok: boolean }[]>;
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
  /** What tasks are placed by, once it has been read whole; and the one that is being read to take its place. */
  #fleet: Fleet | undefined;
  #nextFleet: Fleet | undefined;
  /** Looked at in the order in which they became dirty, so that none waits for ever. */
  readonly #dirty = new Set<ServiceId>();
  /** Slots of large services that need no look; all are forgotten now and then. */
  #quiet = new QuietSlots();
  readonly #wakeAt = new Map<ServiceId, Millis>();
  /** No moment in `#wakeAt` comes before this one. */
  #firstWakeAt: Millis = Infinity;
  /** Whether the last turn had no time for all of the tasks that want a node. */
  #moreToPlace = false;
  /** The most commands of the next entry; halved when one turns out to be too large. */
  #batchMax = BATCH_COMMANDS;
  /** When to look at the nodes that are down for long; a change of a node makes it now. */
  #nodesDueAt: Millis = 0;
  readonly #balancer = new Balancer();
  #wake: (() => void) | undefined;
  #timer: Timer | undefined;
  #seededAt: Millis = 0;

  constructor(options: ControlLoopOptions) {
    this.#options = options;
    this.#watch = options.store.watch({ limit: WATCH_LIMIT, onReady: () => this.#wakeUp() });
    this.#seed();
  }

  /** Works until the scope ends. */
  start(scope: Scope): void {
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
      this.#readFleet();
      const decided = [...this.#reconcileDirty(), ...this.#place()];
      const commands = decided.length > 0 || this.#unfinished ? decided : this.#balance();
      if (commands.length > 0) await this.#commit(commands, signal);
      else if (this.#unfinished) await sleep(this.#options.clock, 0, signal);
      else await this.#idle(signal);
    }
  }

  /** Whether there is something left to look at right away. */
  get #unfinished(): boolean {
    return this.#dirty.size > 0 || this.#nextFleet !== undefined || this.#moreToPlace;
  }

  async #commit(commands: readonly Command[], signal: AbortSignal): Promise<void> {
    const { submit, clock, log } = this.#options;
    const batch = commands.slice(0, this.#batchMax);
    try {
      const results = await submit(batch);
      this.#batchMax = Math.min(BATCH_COMMANDS, this.#batchMax * 2);
      // What was left out, or refused because the state had moved on, is decided anew.
      if (batch.length < commands.length) this.#recall();
      if (results.every(({ ok }) => !ok)) await sleep(clock, RETRY_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      log.debug("the leader's decisions wait", { code: codeOf(error), error: messageOf(error) });
      if (codeOf(error) === "invalid_argument") this.#batchMax = Math.max(1, Math.floor(batch.length / 2));
      await sleep(clock, RETRY_MS, signal);
      this.#seed();
    }
  }

  /** How services that name no strategy are placed. */
  get #strategy(): Strategy {
    return this.#options.store.view.cluster()?.spec.strategy ?? "spread";
  }

  /** Reconciles dirty services until a batch is full or the turn is over; the others stay dirty. */
  #reconcileDirty(): Command[] {
    const { store, clock, newId } = this.#options;
    const now = clock.now();
    const fleet = this.#fleet;
    const strategy = this.#strategy;
    this.#wakeServices(now);
    const commands: Command[] = [...this.#reconcileNodes(now)];
    const again: ServiceId[] = [];
    let tasks = 0;
    const reliefs = new Reliefs(store.view, now);
    for (const id of this.#dirty) {
      if (commands.length >= RECONCILED_COMMANDS || tasks >= TASKS_A_TURN) break;
      this.#dirty.delete(id);
      const result = reconcile(store.view, id, {
        now,
        newTaskId: () => taskId(newId()),
        commandsMax: RECONCILED_COMMANDS,
        quiet: this.#quiet,
        reliefs,
        ...(fleet && { leastMissed: (groups) => leastMissed(fleet.nodes, groups, { now, strategy }) }),
      });
      tasks += result.looks;
      commands.push(...result.commands);
      if (result.commands.length > 0) again.push(id);
      if (result.wakeAt === undefined) this.#wakeAt.delete(id);
      else this.#wakeAt.set(id, result.wakeAt);
      this.#firstWakeAt = Math.min(this.#firstWakeAt, result.wakeAt ?? Infinity);
    }
    for (const id of again) this.#dirty.add(id);
    return commands;
  }

  /** Services whose moment has come are to be looked at. */
  #wakeServices(now: Millis): void {
    if (now < this.#firstWakeAt) return;
    this.#firstWakeAt = Infinity;
    for (const [id, at] of this.#wakeAt) {
      if (at > now) {
        this.#firstWakeAt = Math.min(this.#firstWakeAt, at);
        continue;
      }
      this.#wakeAt.delete(id);
      this.#dirty.add(id);
    }
  }

  #reconcileNodes(now: Millis): readonly Command[] {
    if (now < this.#nodesDueAt) return [];
    const { commands, wakeAt } = reconcileNodes(this.#options.store.view, { now });
    this.#nodesDueAt = wakeAt ?? Infinity;
    return commands;
  }

  /** Places some of the pending tasks; those that nothing fits wait, with the reason in their status. */
  #place(): Command[] {
    const { store, clock } = this.#options;
    const fleet = this.#fleet;
    if (fleet === undefined) return [];
    const now = clock.now();
    const commands: Command[] = [];
    const tasks = fleet.pending.first(PLACED_AT_ONCE);
    const options = { now, networks: store.view, looksMax: NODE_LOOKS_A_TURN, strategy: this.#strategy };
    for (const decision of schedule(fleet.nodes, tasks, options)) {
      const { taskId: id } = decision;
      if (decision.nodeId !== undefined) {
        const { nodeId, leftVolumes } = decision;
        const command = { kind: "assignTask", id, nodeId, now } as const;
        commands.push(leftVolumes === undefined ? command : { ...command, leftVolumes });
        continue;
      }
      fleet.pending.setAside(id);
      if (store.view.task(id)?.status.error === decision.reason) continue;
      commands.push({ kind: "explainTask", id, message: "pending task scheduling", error: decision.reason, now });
    }
    this.#moreToPlace = fleet.pending.size > 0;
    return commands;
  }

  /** Moves tasks to better places, if the cluster's policy is to do so; only when nothing else is to be done. */
  #balance(): readonly Command[] {
    const { store, clock } = this.#options;
    return this.#fleet === undefined ? [] : this.#balancer.turn(store.view, this.#fleet.nodes, clock.now());
  }

  #takeChanges(): void {
    const events = this.#watch.drain();
    const due = this.#options.clock.monotonic() - this.#seededAt >= RESEED_MS;
    if (events.kind === "resync") {
      this.#fleet = undefined;
      return this.#seed();
    }
    for (const batch of events.batches) this.#note(batch);
    if (due) this.#seed();
  }

  #note({ changes }: ChangeBatch): void {
    const { view } = this.#options.store;
    this.#balancer.noteChange(changes);
    for (const change of changes) {
      this.#fleet?.apply(change);
      this.#nextFleet?.apply(change);
      this.#quiet.apply(view, change);
      for (const id of affectedServices(view, change)) this.#dirty.add(id);
      if (change.table === "nodes") this.#nodesDueAt = 0;
      if (makesRoom(change)) this.#recall();
    }
  }

  /** Looks at everything: at the start of a leadership, after a lost feed, and now and then. */
  #seed(): void {
    const { view } = this.#options.store;
    this.#seededAt = this.#options.clock.monotonic();
    this.#nextFleet = new Fleet(view);
    this.#quiet = new QuietSlots();
    this.#balancer.noteChange();
    for (const service of view.services()) this.#dirty.add(service.id);
    this.#recall();
  }

  /** Something could have made room: what fitted nowhere is tried again. */
  #recall(): void {
    this.#fleet?.pending.recall();
    this.#nextFleet?.pending.recall();
  }

  #readFleet(): void {
    const fleet = this.#nextFleet;
    if (fleet === undefined) return;
    fleet.read(TASKS_A_TURN);
    if (!fleet.complete) return;
    this.#fleet = fleet;
    this.#nextFleet = undefined;
  }

  async #idle(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const now = clock.now();
    const due = Math.min(this.#nodesDueAt, this.#firstWakeAt, this.#balancer.dueAt) - now;
    const delay = Math.min(RESEED_MS - (clock.monotonic() - this.#seededAt), due);
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
  // Its virtual addresses may be free again.
  if (change.table === "services") return change.previous?.vips !== change.current?.vips;
  if (change.table !== "tasks") return false;
  const { previous, current } = change;
  return previous === undefined || current === undefined || current.status.state !== previous.status.state;
}
