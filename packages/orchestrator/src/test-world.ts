import { assert, nodeId, type Millis, type NodeId } from "@murmur/base";
import {
  clusterId,
  DEFAULT_CLUSTER_SPEC,
  DEFAULT_RESTART,
  DEFAULT_UPDATE,
  isAssigned,
  isTerminal,
  matchesConstraints,
  networkId,
  serviceId,
  taskId,
  wantsToRun,
  type Cluster,
  type ClusterNode,
  type Command,
  type NodeSpec,
  type Service,
  type ServiceId,
  type ServiceSpec,
  type Task,
  type TaskId,
  type TaskStatus,
} from "@murmur/model";
import { createStore, type ApplyResult, type Store, type View } from "@murmur/store";
import type { OrchestratorCommand, ReconcileOptions } from "./reconciliation.ts";
import { Reliefs } from "./reliefs.ts";
import { reconcile } from "./reconcile.ts";
import { reconcileNodes } from "./reconcile-nodes.ts";

/** A command before its time is set. */
type Untimed<C> = C extends unknown ? Omit<C, "now"> : never;

type Plane = Pick<Cluster, "dataPlane" | "addressPool">;

/** What a container of an image does: runs, ends after a time, cannot be made, cannot be started, or is never healthy. */
export type Behaviour =
  | { readonly kind: "runs" }
  | { readonly kind: "ends"; readonly afterMs: Millis; readonly state: "failed" | "complete" }
  | { readonly kind: "rejected" }
  | { readonly kind: "broken" }
  | { readonly kind: "unhealthy" };

/** Rounds without end would be a bug: nothing that a test does needs so many. */
const ROUNDS_MAX = 400;

/** What each node has. */
export const NODE_MEMORY = 10_000_000_000;

export const spec = (change: Partial<ServiceSpec> = {}): ServiceSpec => ({
  name: "web",
  labels: {},
  mode: { kind: "replicated", replicas: 1 },
  task: {
    container: { image: "runs", stopGracePeriodMs: 1_000 },
    resources: {
      reservations: { nanoCpus: 0, memoryBytes: 0 },
      limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 },
    },
    restart: DEFAULT_RESTART,
    placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
    networks: [],
    forceUpdate: 0,
  },
  update: DEFAULT_UPDATE,
  rollback: DEFAULT_UPDATE,
  endpoint: { mode: "vip", ports: [] },
  ...change,
});

/** Changes the part of a spec that tasks are made from. */
export const withTask = (base: ServiceSpec, change: Partial<ServiceSpec["task"]>): ServiceSpec => ({
  ...base,
  task: { ...base.task, ...change },
});

export const withMemory = (base: ServiceSpec, memoryBytes: number): ServiceSpec =>
  withTask(base, { resources: { ...base.task.resources, reservations: { nanoCpus: 0, memoryBytes } } });

export const withImage = (base: ServiceSpec, image: string): ServiceSpec =>
  withTask(base, { container: { ...base.task.container, image } });

/**
 * A cluster in one place for tests: a real store, a placement that takes the emptiest node, and nodes whose agents
 * move each of their tasks by one state at every step.
 */
export class TestWorld {
  now: Millis = 1_700_000_000_000;
  readonly store: Store = createStore();
  /** What containers of an image do; an image that is not named here runs. */
  readonly behaviours = new Map<string, Behaviour>([
    ["crashes", { kind: "ends", afterMs: 1_000, state: "failed" }],
    ["missing", { kind: "rejected" }],
    ["broken", { kind: "broken" }],
    ["batch", { kind: "ends", afterMs: 3_000, state: "complete" }],
  ]);
  /** Time between a stop signal and the end of a container. */
  stopMs: Millis = 500;
  /** Called with every command that was accepted, after it was. */
  onApplied: (command: Command) => void = () => {};
  /** What whoever places tasks says of giving them up. */
  leastMissed: ReconcileOptions["leastMissed"];
  /** When to look at a service again, for tests that drive the orchestrator by changes. */
  readonly wakes = new Map<ServiceId, Millis>();
  #index = 0;
  #ids = 0;
  readonly #since = new Map<string, Millis>();

  constructor(options: { nodes?: number; taskHistoryLimit?: number; plane?: Plane } = {}) {
    const { nodes = 3, taskHistoryLimit = 5, plane = {} } = options;
    this.apply({
      kind: "createCluster",
      cluster: {
        id: clusterId(this.newId("c")),
        spec: { ...DEFAULT_CLUSTER_SPEC, taskHistoryLimit },
        caPem: "",
        secrets: { caKeyPem: "", joinSecret: "secret", gossipKeys: [] },
        ...plane,
      },
      defaultNetworkId: networkId(this.newId("d")),
    });
    for (let count = 1; count <= nodes; count += 1) this.addNode(count);
  }

  get #port(): Pick<ReconcileOptions, "leastMissed"> {
    return this.leastMissed === undefined ? {} : { leastMissed: this.leastMissed };
  }

  get view(): View {
    return this.store.view;
  }

  newId(prefix: string): string {
    this.#ids += 1;
    return prefix + String(this.#ids).padStart(25 - prefix.length, "0");
  }

  newTaskId(): TaskId {
    return taskId(this.newId("t"));
  }

  /** Node number 1, 2, … */
  node(number: number): NodeId {
    return nodeId(`n${String(number).padStart(24, "0")}`);
  }

  addNode(number: number): void {
    const id = this.node(number);
    const address = `10.0.0.${String(number)}:7373`;
    const hostname = `host${String(number)}`;
    this.apply({ kind: "createNode", id, address, keyDigest: id, hostname, labels: {}, availability: "active" });
    this.apply({
      kind: "describeNode",
      id,
      description: {
        hostname,
        platform: { os: "linux", architecture: "x86_64" },
        resources: { nanoCpus: 4e9, memoryBytes: NODE_MEMORY },
        engine: { version: "27.0.0", labels: {}, plugins: [] },
        murmurVersion: "0.1.0",
        dataPlane: "ports",
      },
      engine: { state: "ready", message: "" },
    });
    this.setNode(number, "ready");
  }

  setNode(number: number, state: "ready" | "down" | "disconnected"): void {
    this.apply({ kind: "setNodeState", id: this.node(number), state, message: state });
  }

  setEngine(number: number, state: "ready" | "down"): void {
    this.apply({ kind: "describeNode", id: this.node(number), engine: { state, message: state } });
  }

  /** `drain: undefined` takes the grace away. */
  updateNode(
    number: number,
    change: Partial<Omit<NodeSpec, "drain">> & { drain?: NodeSpec["drain"] | undefined },
  ): void {
    const node = this.nodeRecord(number);
    const { drain, ...spec } = { ...node.spec, ...change };
    const grace = drain === undefined ? {} : { drain };
    this.apply({ kind: "updateNode", id: node.id, version: node.version, spec: { ...spec, ...grace } });
  }

  nodeRecord(number: number): ClusterNode {
    const node = this.view.node(this.node(number));
    assert(node !== undefined, "the node exists");
    return node;
  }

  createService(from: ServiceSpec): ServiceId {
    const id = serviceId(this.newId("s"));
    this.apply({ kind: "createService", id, spec: from });
    return id;
  }

  updateService(id: ServiceId, change: (spec: ServiceSpec) => ServiceSpec): void {
    const { version, spec } = this.service(id);
    this.apply({ kind: "updateService", id, version, spec: change(spec) });
  }

  scale(id: ServiceId, replicas: number): void {
    this.updateService(id, (spec) => ({ ...spec, mode: { kind: "replicated", replicas } }));
  }

  service(id: ServiceId): Service {
    const service = this.view.service(id);
    assert(service !== undefined, "the service exists");
    return service;
  }

  tasks(id: ServiceId): readonly Task[] {
    return this.view.tasksOfService(id);
  }

  running(id: ServiceId): readonly Task[] {
    return this.tasks(id).filter((task) => wantsToRun(task.desiredState) && task.status.state === "running");
  }

  /** The newest task of a slot. */
  taskIn(id: ServiceId, slot: number | NodeId): Task {
    const task = this.view.tasksOfSlot(id, slot).at(-1);
    assert(task !== undefined, "the slot has a task");
    return task;
  }

  /** `slot desired state` of every task, oldest first; what tests compare. */
  picture(id: ServiceId): readonly string[] {
    const slot = (task: Task): string =>
      task.slot > 0 ? String(task.slot) : `@${String(Number(task.nodeId?.slice(1)))}`;
    return this.tasks(id).map((task) => `${slot(task)} ${task.desiredState} ${task.status.state}`);
  }

  apply(command: Untimed<Command>): void {
    const result = this.tryApply(command);
    assert(result.ok, `refused: ${command.kind}: ${result.ok ? "" : result.message}`);
  }

  tryApply(command: Untimed<Command>): ApplyResult {
    const timed: Command = { ...command, now: this.now };
    const result = this.store.apply((this.#index += 1), timed);
    if (result.ok) this.onApplied(timed);
    return result;
  }

  report(task: Task, status: Omit<TaskStatus, "at" | "message">): void {
    assert(task.nodeId !== undefined, "the task has a node");
    const full = { ...status, at: this.now, message: status.state };
    this.apply({ kind: "reportTasks", nodeId: task.nodeId, statuses: [{ id: task.id, status: full }] });
  }

  /** Reconciles and places until nothing is left to do now; the commands that it took. Every one must be accepted. */
  settle(options: { commandsMax?: number } = {}): readonly OrchestratorCommand[] {
    const all: OrchestratorCommand[] = [];
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      this.place();
      const commands = [...this.decide(options), ...reconcileNodes(this.view, { now: this.now }).commands];
      if (commands.length === 0) return all;
      for (const command of commands) this.apply(command);
      all.push(...commands);
    }
    throw new Error(`does not come to rest: ${JSON.stringify(all.slice(-4))}`);
  }

  decide(options: { commandsMax?: number } = {}): readonly OrchestratorCommand[] {
    const shared = { now: this.now, newTaskId: () => this.newTaskId(), reliefs: new Reliefs(this.view, this.now) };
    return this.view
      .services()
      .flatMap(({ id }) => reconcile(this.view, id, { ...shared, ...this.#port, ...options }).commands);
  }

  /** When any service asks to be looked at again. */
  wakeAt(): Millis | undefined {
    const newTaskId = (): TaskId => this.newTaskId();
    const times = this.view
      .services()
      .flatMap(({ id }) => reconcile(this.view, id, { now: this.now, newTaskId, ...this.#port }).wakeAt ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /**
   * Gives every pending task the open node with the fewest tasks that has the memory, if there is an address for it; the
   * tests of placement are the scheduler's.
   */
  place(): void {
    const open = this.view
      .nodes()
      .filter(({ spec, status }) => spec.availability === "active" && status.state === "ready")
      .filter(({ status }) => status.engine.state === "ready");
    const waits = (task: Task): boolean => task.status.state === "pending" && wantsToRun(task.desiredState);
    for (const task of [...this.view.tasks()].filter(waits)) {
      const count = (id: NodeId): number =>
        this.view.tasksOfNode(id).filter((other) => !isTerminal(other.status.state)).length;
      const best = open
        .filter((node) => (task.nodeId ?? node.id) === node.id)
        .filter((node) => matchesConstraints(node, task.spec.placement.constraints))
        .filter((node) => this.#freeMemory(node) >= task.spec.resources.reservations.memoryBytes)
        .sort((a, b) => count(a.id) - count(b.id) || (a.id < b.id ? -1 : 1))[0];
      if (best !== undefined && this.#hasAddress(task)) {
        this.apply({ kind: "assignTask", id: task.id, nodeId: best.id });
      }
    }
  }

  #hasAddress({ networks }: Task): boolean {
    return networks.every(({ networkId: id }) => {
      const { used = 0, count = 1 } = this.view.addressUse(id) ?? {};
      return used < count;
    });
  }

  #freeMemory(node: ClusterNode): number {
    const held = this.view
      .tasksOfNode(node.id)
      .filter(({ status }) => isAssigned(status.state) && !isTerminal(status.state));
    const total = node.description?.resources.memoryBytes ?? 0;
    return held.reduce((free, task) => free - task.spec.resources.reservations.memoryBytes, total);
  }

  /** Lets time pass in steps: agents act, then the orchestrator comes to rest. */
  run(forMs: Millis, stepMs: Millis = 500): void {
    const until = this.now + forMs;
    this.settle();
    while (this.now < until) {
      this.now += stepMs;
      this.stepAgents();
      this.settle();
    }
  }

  stepAgents(): void {
    for (const node of this.view.nodes()) {
      if (node.status.state !== "ready" || node.status.engine.state !== "ready") continue;
      for (const task of this.view.tasksOfNode(node.id)) {
        const next = isTerminal(task.status.state) ? undefined : this.#next(task);
        if (next !== undefined && next.state !== task.status.state) this.#since.delete(task.id);
        if (next !== undefined) this.report(task, next);
      }
    }
  }

  /** What an agent observes of a task one step later; undefined when nothing changes. */
  #next(task: Task): Omit<TaskStatus, "at" | "message"> | undefined {
    const behaviour = this.behaviours.get(task.spec.container.image) ?? { kind: "runs" };
    const { state } = task.status;
    if (state === "pending") return undefined;
    if (!wantsToRun(task.desiredState)) {
      if (state !== "running") return { state: "shutdown" };
      return this.#elapsed(`${task.id} stop`) >= this.stopMs ? { state: "shutdown" } : undefined;
    }
    if (state === "assigned") return { state: "preparing" };
    if (state === "preparing") {
      return behaviour.kind === "rejected" ? { state: "rejected", error: "no such image" } : { state: "ready" };
    }
    if (state === "ready") return task.desiredState === "ready" ? undefined : { state: "starting" };
    if (state === "starting") {
      if (behaviour.kind === "broken") return { state: "failed", error: "no such command", exitCode: 127 };
      return { state: "running", health: behaviour.kind === "unhealthy" ? "starting" : "none" };
    }
    if (behaviour.kind !== "ends" || this.#elapsed(task.id) < behaviour.afterMs) return undefined;
    return { state: behaviour.state, exitCode: behaviour.state === "failed" ? 1 : 0 };
  }

  #elapsed(key: string): Millis {
    const since = this.#since.get(key) ?? this.now;
    this.#since.set(key, since);
    return this.now - since;
  }
}
