import { nodeId, Scope, type Clock, type Log, type Millis, type NodeId } from "@murmur/base";
import {
  clusterId,
  DEFAULT_CLUSTER_SPEC,
  DEFAULT_UPDATE,
  networkId,
  serviceId,
  type Command,
  type Constraint,
  type ServiceId,
  type ServiceSpec,
  type Task,
  type TaskId,
} from "@murmur/model";
import { createStore, type ApplyResult, type Store } from "@murmur/store";
import { ControlLoop } from "../../../packages/manager/src/control-loop.ts";

/** Every so many nodes has what the constraint asks for, as in SwarmKit's own benchmark. */
const SUITED_EVERY = 3;
const SUITED: Constraint = { key: "node.labels.kind", operator: "==", value: "suited" };
const NANO_CPUS = 32_000_000_000;
const MEMORY_BYTES = 256 * 2 ** 30;

/** The clusters' services: `services` of them, each of `tasks`. */
export interface Shape {
  readonly nodes: number;
  readonly services: number;
  /** Of each service. */
  readonly tasks: number;
  readonly constraints: boolean;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * A leader without disk, network and containers: the whole state machine, and the control loop that acts on it. What the
 * loop proposes is applied at once, each batch as one entry.
 */
export class ScheduleWorld implements AsyncDisposable {
  readonly store: Store = createStore();
  readonly nodes: readonly NodeId[];
  /** Tasks that were given a node so far. */
  assigned = 0;
  /** What was proposed and refused. */
  refused = 0;
  readonly #clock: Clock;
  readonly #scope: Scope;
  /** Tasks whose agents have not reported yet. */
  readonly #assigned: TaskId[] = [];
  readonly #failures: unknown[] = [];
  #index = 0;
  #ids = 0;
  #awaited: { readonly assigned: number; readonly reached: () => void } | undefined;

  constructor(nodes: number, { clock, log }: Surroundings) {
    this.#clock = clock;
    this.#scope = new Scope(log, (error) => {
      this.#failures.push(error);
      this.#awaited?.reached();
    });
    this.apply([
      {
        kind: "createCluster",
        cluster: {
          id: clusterId(this.newId()),
          spec: DEFAULT_CLUSTER_SPEC,
          caPem: "",
          secrets: { caKeyPem: "", joinSecret: "secret", gossipKeys: [] },
        },
        defaultNetworkId: networkId(this.newId()),
        now: clock.now(),
      },
    ]);
    this.nodes = Array.from({ length: nodes }, (_, at) => this.#addNode(at));
    const loop = new ControlLoop({
      store: this.store,
      submit: (commands) => Promise.resolve(this.apply(commands)),
      newId: () => this.newId(),
      clock,
      log,
    });
    loop.start(this.#scope);
  }

  get now(): Millis {
    return this.#clock.now();
  }

  /** Creates all services of a shape; the loop makes and places their tasks. */
  createServices(shape: Omit<Shape, "nodes">): readonly ServiceId[] {
    const now = this.#clock.now();
    return Array.from({ length: shape.services }, () => {
      const id = serviceId(this.newId());
      this.apply([{ kind: "createService", id, spec: specOf(`web-${id}`, shape), now }]);
      return id;
    });
  }

  /** Waits until so many tasks in all were given a node. */
  async untilAssigned(assigned: number): Promise<void> {
    if (this.assigned < assigned) {
      await new Promise<void>((resolve) => (this.#awaited = { assigned, reached: resolve }));
    }
    if (this.#failures.length > 0) throw new AggregateError(this.#failures, "the control loop failed");
  }

  /** What the agents report: everything that was assigned since the last time runs. */
  reportRunning(): void {
    const tasks = this.#assigned.splice(0).flatMap((id) => this.store.view.task(id) ?? []);
    for (const [node, own] of Map.groupBy(tasks, ({ nodeId: on }) => on)) {
      if (node !== undefined) this.report(node, own, "running");
    }
  }

  report(node: NodeId, tasks: readonly Task[], state: "running" | "failed"): void {
    const now = this.#clock.now();
    const statuses = tasks.map(({ id }) => ({ id, status: { state, at: now, message: state } as const }));
    if (statuses.length > 0) this.apply([{ kind: "reportTasks", nodeId: node, statuses, now }]);
  }

  /** Applies commands as one entry. */
  apply(commands: readonly Command[]): readonly ApplyResult[] {
    this.#index += 1;
    const results = commands.map((command) => {
      const result = this.store.apply(this.#index, command);
      if (!result.ok) this.refused += 1;
      else if (command.kind === "assignTask") {
        this.assigned += 1;
        this.#assigned.push(command.id);
      }
      return result;
    });
    if (this.#awaited !== undefined && this.assigned >= this.#awaited.assigned) {
      this.#awaited.reached();
      this.#awaited = undefined;
    }
    return results;
  }

  /** An id as long as those of a real cluster. */
  newId(): string {
    this.#ids += 1;
    return `i${this.#ids.toString(36).padStart(24, "0")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scope[Symbol.asyncDispose]();
  }

  #addNode(at: number): NodeId {
    const id = nodeId(this.newId());
    const now = this.#clock.now();
    const hostname = `host${String(at + 1)}`;
    const address = `10.${String(at >> 16)}.${String((at >> 8) & 255)}.${String(at & 255)}:7373`;
    const labels: Record<string, string> = at % SUITED_EVERY === 0 ? { kind: "suited" } : {};
    this.apply([
      { kind: "createNode", id, address, keyDigest: id, hostname, labels, availability: "active", now },
      {
        kind: "describeNode",
        id,
        description: {
          hostname,
          platform: { os: "linux", architecture: "x86_64" },
          resources: { nanoCpus: NANO_CPUS, memoryBytes: MEMORY_BYTES },
          engine: { version: "27.0.0", labels: {}, plugins: [] },
          murmurVersion: "0.1.0",
          dataPlane: "ports",
        },
        engine: { state: "ready", message: "" },
        now,
      },
      { kind: "setNodeState", id, state: "ready", message: "", now },
    ]);
    return id;
  }
}

function specOf(name: string, { tasks, constraints }: Omit<Shape, "nodes">): ServiceSpec {
  return {
    name,
    labels: { team: "bench" },
    mode: { kind: "replicated", replicas: tasks },
    task: {
      container: { image: "nginx:1", env: ["STAGE=bench"], labels: { team: "bench" } },
      resources: {
        reservations: { nanoCpus: 10_000_000, memoryBytes: 16 * 2 ** 20 },
        limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 },
      },
      restart: { condition: "any", delayMs: 0, maxAttempts: 0, windowMs: 0 },
      placement: {
        constraints: constraints ? [SUITED] : [],
        preferences: [],
        maxReplicasPerNode: 0,
        platforms: [],
      },
      networks: [],
      forceUpdate: 0,
    },
    update: DEFAULT_UPDATE,
    rollback: DEFAULT_UPDATE,
    endpoint: { mode: "vip", ports: [] },
  };
}
