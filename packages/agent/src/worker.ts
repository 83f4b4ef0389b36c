import { Scope, type Clock, type Log, type Millis, type NodeId, type Random } from "@murmur/base";
import { isLater, isTerminal, type EngineStatus, type Task, type TaskId, type TaskStatus } from "@murmur/model";
import type { DriverContext } from "./driver-context.ts";
import { Engine, type EngineLimits } from "./engine.ts";
import { EngineWatch } from "./engine-watch.ts";
import { clusterLabels, makerOf, taskOf } from "./labels.ts";
import { FileKeeper } from "./file-keeper.ts";
import type { Payloads } from "./payloads.ts";
import type {
  ContainerEvent,
  ContainerSummary,
  EngineInfo,
  EngineVolume,
  NodeContext,
  Runtime,
  TaskFiles,
  TaskNetworks,
  Withdrawals,
} from "./ports.ts";
import { NetworkTidier } from "./network-tidier.ts";
import type { TemplateNode } from "./render-task.ts";
import { TaskDriver } from "./task-driver.ts";

export interface WorkerOptions {
  readonly runtime: Runtime;
  readonly withdrawals: Withdrawals;
  readonly networks?: TaskNetworks;
  readonly files?: TaskFiles;
  readonly payloads: Payloads;
  readonly templateNode: () => TemplateNode;
  readonly node: NodeContext;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: EngineLimits;
  readonly pingEveryMs: Millis;
  readonly listEveryMs: Millis;
  /** See `DriverContext`. */
  readonly saved: () => Promise<void>;
  readonly onStatus: (id: TaskId, status: TaskStatus) => void;
  readonly onEngine: (status: EngineStatus) => void;
  readonly onInfo: (info: EngineInfo) => void;
  /** The local volumes that the engine has; all of them, each time that it is asked. */
  readonly onVolumes: (volumes: readonly EngineVolume[]) => void;
  /** What another node is that made containers on this engine. */
  readonly standing: (maker: NodeId) => MakerStanding;
  /** The last trace of a task is gone. */
  readonly onGone: (id: TaskId) => void;
  /** Nothing is left to look after, and the engine has just been listed or the last thing has just gone. */
  readonly onIdle: () => void;
}

/**
 * `former`: what this host was before it joined anew. `unknown`: it may have been this host; the cluster, which was just
 * heard, knows no such node, nobody has heard of it, or it is dead and had this host's name.
 * `other`: it may share the engine, as the nodes of a development cluster do; its containers are its own affair.
 */
export type MakerStanding = "former" | "unknown" | "other";

/** A maker counts as gone when the cluster doesn't know it at so many lists in a row: it may have joined just now. */
const UNKNOWN_LISTS = 3;

/**
 * Runs the tasks of this node: one driver a task, fed by assignments from one side and by the engine from the other.
 * It stops nothing because managers are away, and it stops no container when it ends itself: the next worker, in this
 * process or another, finds them by their labels.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #scope: Scope;
  readonly #context: DriverContext;
  readonly #watch: EngineWatch;
  readonly #engine: Engine;
  /** Only where tasks have networks of their own. */
  readonly #tidier: NetworkTidier | undefined;
  readonly #files: FileKeeper | undefined;
  readonly #drivers = new Map<TaskId, TaskDriver>();
  /** Containers that claim a task which has another one; by container id. Only somebody else can have made them. */
  readonly #doubles = new Map<string, TaskDriver>();
  /** Tasks that ran from before and aren't known here: their containers go, or a manager tells of them. */
  readonly #strays = new Set<TaskId>();
  /** Makers of containers here that the cluster doesn't know, with the number of lists in a row. */
  #unknownMakers: ReadonlyMap<NodeId, number> = new Map();
  /** A manager has said in this run what this node has to do: only then is a container without a task surplus. */
  #informed = false;
  /** This node is out of the cluster: it has no more tasks. */
  #isOut = false;
  /** So, and it waits for none to end by itself. */
  #atOnce = false;
  /** The engine was listed in this run: a task that is new has no container. */
  #listed = false;

  constructor(options: WorkerOptions) {
    const { runtime, withdrawals, node, clock, random, log } = options;
    this.#options = options;
    this.#scope = new Scope(log);
    this.#engine = new Engine(runtime, clock, options.limits);
    this.#watch = new EngineWatch({
      engine: this.#engine,
      labels: clusterLabels(node.clusterId),
      clock,
      random,
      listener: {
        onStatus: (status) => this.#onEngine(status),
        onInfo: options.onInfo,
        onVolumes: options.onVolumes,
        onList: (containers) => this.#onList(containers),
        onEvent: (event) => this.#onEvent(event),
      },
      pingEveryMs: options.pingEveryMs,
      listEveryMs: options.listEveryMs,
    });
    this.#context = {
      engine: this.#engine,
      withdrawals,
      networks: options.networks,
      files: options.files,
      payloads: options.payloads,
      templateNode: options.templateNode,
      dropFiles: (id, when) => (when === "now" ? this.#files?.drop(id) : this.#files?.dropSoon(id)),
      node,
      clock,
      random,
      log,
      scope: this.#scope,
      engineReady: () => this.#watch.status.state === "ready",
      onUnavailable: () => this.#watch.suspect(),
      atOnce: () => this.#atOnce,
      saved: options.saved,
      onStatus: options.onStatus,
    };
    const { networks, files } = options;
    this.#files = files && new FileKeeper({ files, scope: this.#scope, clock, log });
    if (networks === undefined) return;
    const tasks = (): readonly Task[] => this.#living();
    this.#tidier = new NetworkTidier({
      networks,
      tasks,
      isOut: () => this.#isOut,
      scope: this.#scope,
      clock,
      log,
      onTidy: () => this.#idle(),
    });
  }

  get engine(): EngineStatus {
    return this.#watch.status;
  }
  get load(): { readonly running: number; readonly waiting: number } {
    return this.#engine.load;
  }
  /** How many tasks and surplus containers are looked after. */
  get size(): number {
    return this.#drivers.size + this.#doubles.size;
  }

  start(): void {
    this.#scope.run("engine watch", (signal) => this.#watch.run(signal));
  }

  /** Ends all work and leaves the containers as they are. */
  async stop(): Promise<void> {
    await this.#scope[Symbol.asyncDispose]();
    for (const driver of [...this.#drivers.values(), ...this.#doubles.values()]) driver.close();
  }

  /** The tasks that this node has, and how far each is. */
  tasks(): readonly { readonly task: Task; readonly status: TaskStatus }[] {
    const drivers = [...this.#drivers.values()];
    return drivers.flatMap(({ wanted, status }) => (wanted === undefined ? [] : [{ task: wanted, status }]));
  }

  task(id: TaskId): Task | undefined {
    return this.#drivers.get(id)?.wanted;
  }

  status(id: TaskId): TaskStatus | undefined {
    return this.#drivers.get(id)?.status;
  }

  /** Tasks from this node's own memory, before any manager was heard: they are kept up, nothing else is touched. */
  restore(tasks: readonly { readonly task: Task; readonly status: TaskStatus }[]): void {
    for (const { task, status } of tasks)
      this.#add(task, isLater(task.status.state, status.state) ? task.status : status);
  }

  /** All tasks that this node has, from a manager: what isn't among them goes. */
  replace(tasks: readonly Task[]): void {
    const ids = new Set(tasks.map((task) => task.id));
    for (const [id, driver] of this.#drivers) if (!ids.has(id)) driver.want(undefined);
    for (const double of this.#doubles.values()) double.kick();
    this.update(tasks, []);
    this.#informed = true;
    this.#watch.refresh();
  }

  /** Nothing is to run here any more. `atOnce`: it is killed, also what has its grace already; else it is stopped. */
  clear({ atOnce }: { readonly atOnce: boolean }): void {
    this.#isOut = true;
    this.#atOnce = atOnce;
    this.replace([]);
    // Guests have to go before the tasks do. Where there are none, the list that was just asked for is as soon.
    if (this.size > 0) this.#tidy();
  }

  /** Tasks that are new or have changed, and such that this node has no more. */
  update(updated: readonly Task[], removed: readonly TaskId[]): void {
    for (const task of updated) {
      const driver = this.#drivers.get(task.id);
      if (driver === undefined) this.#add(task, task.status);
      else driver.want(task);
    }
    for (const id of removed) this.#drivers.get(id)?.want(undefined);
  }

  /** Has the engine asked soon for its containers and volumes. */
  lookAgain(): void {
    this.#watch.refresh();
  }

  /** Secrets and configs have come, or have gone. */
  payloadsChanged(): void {
    for (const driver of this.#drivers.values()) driver.kick();
  }

  /** The cluster's networks are known now, or it has one less than before. */
  networksKnown(): void {
    if (this.#informed) this.#tidy();
  }

  #add(task: Task, status: TaskStatus): void {
    const ranBefore = this.#strays.delete(task.id);
    const fresh = this.#listed && status.state === "assigned" && !ranBefore;
    const driver = new TaskDriver(this.#context, {
      id: task.id,
      wanted: task,
      status,
      container: { kind: fresh ? "absent" : "unknown" },
      ...(status.containerId !== undefined && { containerId: status.containerId }),
      onGone: () => this.#forget(task.id),
    });
    this.#drivers.set(task.id, driver);
    driver.kick();
  }

  #forget(id: TaskId): void {
    this.#drivers.delete(id);
    if (this.#strays.delete(id)) this.#options.networks?.detach(id);
    this.#options.onGone(id);
    if (this.size === 0) this.#tidy();
  }

  #onEngine(status: EngineStatus): void {
    const { log, onEngine } = this.#options;
    if (status.state === "ready") log.info("engine is ready");
    else log.warn("engine does not answer", { error: status.message });
    onEngine(status);
    if (status.state === "down") return;
    // Whatever happened while it was away, no event has told it.
    for (const driver of [...this.#drivers.values(), ...this.#doubles.values()]) driver.changed();
  }

  #onEvent(event: ContainerEvent): void {
    const driver = this.#driverOf(event);
    if (event.action === "die") driver?.died(event.containerId);
    else driver?.changed(event.containerId);
  }

  #onList(all: readonly ContainerSummary[]): void {
    const containers = this.#ours(all);
    if (!this.#listed) this.#expect(containers);
    const unseen = new Set(this.#drivers.values());
    for (const container of containers) {
      const id = taskOf(container);
      if (id === undefined) continue;
      const driver = this.#drivers.get(id);
      if (driver === undefined) {
        this.#dismiss(container, id);
      } else if (driver.containerId === undefined || driver.containerId === container.id) {
        unseen.delete(driver);
        driver.listed(container);
      } else this.#dismissDouble(container, id);
    }
    for (const driver of unseen) driver.listed(undefined);
    this.#listed = true;
    if (!this.#informed) return;
    this.#files?.sweep((id) => this.#mayUseFiles(id));
    this.#tidy();
  }

  #mayUseFiles(id: TaskId): boolean {
    const driver = this.#drivers.get(id);
    return driver !== undefined && !isTerminal(driver.status.state);
  }

  /** Tells of the containers that run: also one whose task isn't known (any more) sends where it was told to, until it ends. */
  #expect(containers: readonly ContainerSummary[]): void {
    const running = containers.filter(({ state }) => state === "running" || state === "paused");
    const tasks = running.flatMap((container) => taskOf(container) ?? []);
    for (const id of tasks) if (!this.#drivers.has(id)) this.#strays.add(id);
    this.#options.networks?.expect(tasks);
  }

  /** Has the networks removed that no task needs; then, when nothing is left at all, says so. */
  #tidy(): void {
    if (this.#tidier === undefined) this.#idle();
    else this.#tidier.tidy();
  }

  #idle(): void {
    if (this.size === 0) this.#options.onIdle();
  }

  /** The tasks that have a container with a process, or will have one. */
  #living(): readonly Task[] {
    return this.tasks().flatMap(({ task, status }) => (isTerminal(status.state) ? [] : [task]));
  }

  /** This node's containers, and those that nobody looks after any more because their maker is no more. */
  #ours(all: readonly ContainerSummary[]): readonly ContainerSummary[] {
    const { node, standing } = this.#options;
    const unknown = new Map<NodeId, number>();
    const gone = new Set<NodeId>();
    for (const maker of new Set(all.map(makerOf))) {
      if (maker === undefined || maker === node.nodeId) continue;
      const lists = standing(maker) === "unknown" ? (this.#unknownMakers.get(maker) ?? 0) + 1 : 0;
      if (lists > 0) unknown.set(maker, lists);
      if (lists >= UNKNOWN_LISTS || standing(maker) === "former") gone.add(maker);
    }
    this.#unknownMakers = unknown;
    return all.filter((container) => {
      const maker = makerOf(container);
      return maker === node.nodeId || (maker !== undefined && gone.has(maker));
    });
  }

  /** A container of a task that this node doesn't have: kept until a manager has spoken, then it goes. */
  #dismiss(container: ContainerSummary, id: TaskId): void {
    if (!this.#informed) return;
    this.#options.log.info("removing a container that nobody wants", { container: container.id, task: id });
    const driver = this.#surplus(container, id, () => this.#forget(id));
    this.#drivers.set(id, driver);
    driver.kick();
  }

  /** A second container for a task. Traffic doesn't go to it, so nothing is withdrawn. */
  #dismissDouble(container: ContainerSummary, id: TaskId): void {
    if (!this.#informed || this.#doubles.has(container.id)) return;
    this.#options.log.warn("removing a second container of a task", { container: container.id, task: id });
    const driver = this.#surplus(container, id, () => this.#doubles.delete(container.id));
    this.#doubles.set(container.id, driver);
    driver.kick();
  }

  #surplus(container: ContainerSummary, id: TaskId, onGone: () => void): TaskDriver {
    return new TaskDriver(this.#context, {
      id,
      wanted: undefined,
      status: { state: "running", at: this.#options.clock.now(), message: "nobody wants it" },
      container: { kind: "unknown" },
      containerId: container.id,
      withdrawn: this.#drivers.has(id),
      onGone,
    });
  }

  #driverOf(event: ContainerEvent): TaskDriver | undefined {
    const id = taskOf(event);
    const driver = id === undefined ? undefined : this.#drivers.get(id);
    if (driver?.containerId === undefined || driver.containerId === event.containerId) return driver;
    return this.#doubles.get(event.containerId);
  }
}
