import { assert, nodeId, type Millis, type NodeId } from "@murmur/base";
import {
  clusterId,
  DEFAULT_CLUSTER_SPEC,
  DEFAULT_RESTART,
  DEFAULT_UPDATE,
  networkId,
  serviceId,
  taskId,
  type Cluster,
  type Command,
  type DesiredState,
  type GenericAmounts,
  type GenericOffer,
  type NodeDescription,
  type NodeSpec,
  type PortConfig,
  type ServiceId,
  type Task,
  type TaskId,
  type TaskSpec,
  type TaskState,
} from "@murmur/model";
import { createStore, type ApplyResult, type Store, type View } from "@murmur/store";
import type { Decision } from "./decision.ts";
import { NodeSet } from "./node-set.ts";
import { PendingTasks } from "./pending-tasks.ts";

/** A command before its time is set. */
type Untimed<C> = C extends unknown ? Omit<C, "now"> : never;

const GIB = 2 ** 30;

export interface NodeFacts {
  readonly cpus?: number;
  readonly memoryGib?: number;
  readonly generic?: Readonly<Record<string, GenericOffer>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly os?: string;
  readonly engineLabels?: Readonly<Record<string, string>>;
  readonly plugins?: NodeDescription["engine"]["plugins"];
  readonly permits?: NodeDescription["permits"];
}

export interface ServiceFacts {
  readonly cpus?: number;
  readonly memoryGib?: number;
  readonly generic?: GenericAmounts;
  readonly genericNames?: Readonly<Record<string, readonly string[]>>;
  readonly placement?: Partial<TaskSpec["placement"]>;
  readonly ports?: readonly PortConfig[];
  readonly container?: Partial<TaskSpec["container"]>;
  readonly logDriver?: string;
  readonly global?: boolean;
}

/** Nodes and tasks in a real store, for tests. */
export class TestCluster {
  now: Millis = 1_700_000_000_000;
  readonly store: Store = createStore();
  #index = 0;
  #ids = 0;

  constructor(nodes: readonly NodeFacts[], plane: Pick<Cluster, "dataPlane" | "addressPool"> = {}) {
    this.apply({
      kind: "createCluster",
      cluster: {
        id: clusterId(this.#newId("c")),
        spec: DEFAULT_CLUSTER_SPEC,
        caPem: "",
        secrets: { caKeyPem: "", joinSecret: "secret", gossipKeys: [] },
        ...plane,
      },
      defaultNetworkId: networkId(this.#newId("d")),
    });
    for (const [position, facts] of nodes.entries()) this.addNode(position + 1, facts);
  }

  get view(): View {
    return this.store.view;
  }

  /** Node number 1, 2, … */
  node(number: number): NodeId {
    return nodeId(`n${String(number).padStart(24, "0")}`);
  }

  addNode(number: number, facts: NodeFacts = {}): void {
    const id = this.node(number);
    const hostname = `host${String(number)}`;
    const address = `10.0.${String(number >> 8)}.${String(number & 255)}:7373`;
    const labels = facts.labels ?? {};
    this.apply({ kind: "createNode", id, address, keyDigest: id, hostname, labels, availability: "active" });
    this.describe(number, facts);
    this.apply({ kind: "setNodeState", id, state: "ready", message: "" });
  }

  describe(number: number, facts: NodeFacts): void {
    this.apply({
      kind: "describeNode",
      id: this.node(number),
      description: {
        hostname: `host${String(number)}`,
        platform: { os: facts.os ?? "linux", architecture: "x86_64" },
        resources: {
          nanoCpus: (facts.cpus ?? 4) * 1e9,
          memoryBytes: (facts.memoryGib ?? 8) * GIB,
          ...(facts.generic && { generic: facts.generic }),
        },
        engine: { version: "27.0.0", labels: facts.engineLabels ?? {}, plugins: facts.plugins ?? [] },
        murmurVersion: "0.1.0",
        dataPlane: "ports",
        ...(facts.permits && { permits: facts.permits }),
      },
      engine: { state: "ready", message: "" },
    });
  }

  updateNode(number: number, change: Partial<NodeSpec>): void {
    const node = this.view.node(this.node(number));
    assert(node !== undefined, "the node exists");
    this.apply({ kind: "updateNode", id: node.id, version: node.version, spec: { ...node.spec, ...change } });
  }

  /** A service with so many pending tasks, and its id. */
  service(tasks: number, facts: ServiceFacts = {}): ServiceId {
    const id = serviceId(this.#newId("s"));
    const none = { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] };
    const reservations = {
      nanoCpus: (facts.cpus ?? 0) * 1e9,
      memoryBytes: (facts.memoryGib ?? 0) * GIB,
      ...(facts.generic && { generic: facts.generic }),
      ...(facts.genericNames && { genericNames: facts.genericNames }),
    };
    this.apply({
      kind: "createService",
      id,
      spec: {
        name: `service${String(this.#ids)}`,
        labels: {},
        mode: facts.global === true ? { kind: "global" } : { kind: "replicated", replicas: tasks },
        task: {
          container: { image: "image", ...facts.container },
          resources: { reservations, limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 } },
          restart: DEFAULT_RESTART,
          placement: { ...none, ...facts.placement },
          networks: [],
          forceUpdate: 0,
          ...(facts.logDriver === undefined ? {} : { logDriver: { name: facts.logDriver, options: {} } }),
        },
        update: DEFAULT_UPDATE,
        rollback: DEFAULT_UPDATE,
        endpoint: { mode: "vip", ports: facts.ports ?? [] },
      },
    });
    if (facts.global !== true) for (let slot = 1; slot <= tasks; slot += 1) this.task(id, slot);
    return id;
  }

  /** A pending task in a slot: a number, or for global services a node. */
  task(service: ServiceId, slot: number | NodeId): TaskId {
    const record = this.view.service(service);
    assert(record !== undefined, "the service exists");
    const id = taskId(this.#newId("t"));
    this.apply({
      kind: "createTask",
      task: {
        id,
        serviceId: service,
        serviceName: record.spec.name,
        slot: typeof slot === "number" ? slot : 0,
        ...(typeof slot === "number" ? {} : { nodeId: slot }),
        specVersion: record.specVersion,
        serviceLabels: {},
        endpointPorts: record.ports,
        networks: this.view.networks().map((network) => ({ networkId: network.id, aliases: [] })),
        desiredState: "running",
        status: { state: "pending", at: this.now, message: "pending" },
      },
    });
    return id;
  }

  report(id: TaskId, state: TaskState): void {
    const task = this.view.task(id);
    assert(task?.nodeId !== undefined, "the task has a node");
    const status = { state, at: this.now, message: "" };
    this.apply({ kind: "reportTasks", nodeId: task.nodeId, statuses: [{ id, status }] });
  }

  want(id: TaskId, desired: DesiredState): void {
    this.apply({ kind: "setDesiredState", id, desired });
  }

  nodes(): NodeSet {
    return NodeSet.of(this.view);
  }

  pending(): readonly Task[] {
    return PendingTasks.of(this.view).list();
  }

  /** Commits placements; the store refuses those that a node has no room for, and that fails the test. */
  commit(decisions: readonly Decision[]): void {
    for (const decision of decisions) {
      if (decision.nodeId === undefined) continue;
      const { taskId: id, nodeId: to, leftVolumes } = decision;
      this.apply({ kind: "assignTask", id, nodeId: to, ...(leftVolumes && { leftVolumes }) });
    }
  }

  /** How many assigned tasks of a service each node has, by number. */
  spread(service: ServiceId): Readonly<Record<number, number>> {
    const counts: Record<number, number> = {};
    for (const { nodeId: id } of this.view.tasksOfService(service)) {
      if (id === undefined) continue;
      const number = Number(id.slice(1));
      counts[number] = (counts[number] ?? 0) + 1;
    }
    return counts;
  }

  apply(command: Untimed<Command>): void {
    const result = this.tryApply(command);
    assert(result.ok, `refused: ${command.kind}: ${result.ok ? "" : result.message}`);
  }

  tryApply(command: Untimed<Command>): ApplyResult {
    return this.store.apply((this.#index += 1), { ...command, now: this.now });
  }

  #newId(prefix: string): string {
    this.#ids += 1;
    return prefix + String(this.#ids).padStart(24, "0");
  }
}
