import { nodeId } from "@murmur/base";
import { DEFAULT_RESTART, serviceId, taskId, type ClusterNode, type Strategy, type Task } from "@murmur/model";
import { NodeSet, schedule } from "@murmur/scheduler";
import type { Amounts } from "./trace.ts";

/** Gives tasks that arrive one by one their nodes, or refuses them. */
export interface Placer {
  /** The place of the chosen node in the list of nodes; undefined: it fits nowhere. */
  place(task: Amounts): number | undefined;
}

const MIB = 2 ** 20;
const KIND = "gpu";
const NO_NETWORKS = { network: () => undefined, addressUse: () => undefined };

/** The cluster's own scheduler: each task is a service of its own that runs from then on. */
export class OwnScheduler implements Placer {
  readonly #nodes = new NodeSet();
  readonly #strategy: Strategy;
  readonly #places = new Map<string, number>();
  #tasks = 0;

  constructor(nodes: readonly Amounts[], strategy: Strategy) {
    this.#strategy = strategy;
    for (const [place, amounts] of nodes.entries()) {
      const current = recordOf(place, amounts);
      this.#places.set(current.id, place);
      this.#nodes.apply({ kind: "put", table: "nodes", id: current.id, index: 0, previous: undefined, current });
    }
  }

  place(amounts: Amounts): number | undefined {
    const [place] = this.placeAll([amounts]);
    return place;
  }

  /** Places tasks that wait together, in one batch. */
  placeAll(list: readonly Amounts[]): readonly (number | undefined)[] {
    const tasks = list.map((amounts) => pendingTask((this.#tasks += 1), amounts));
    for (const task of tasks) this.#put(undefined, task);
    const options = { networks: NO_NETWORKS, now: 0, strategy: this.#strategy };
    const places = new Map<string, number>();
    const byId = new Map(tasks.map((task) => [task.id, task]));
    for (const { taskId: id, nodeId: to } of schedule(this.#nodes, tasks, options)) {
      const task = byId.get(id);
      if (to === undefined || task === undefined) continue;
      this.#put(task, { ...task, nodeId: to, status: { ...task.status, state: "assigned" } });
      places.set(id, this.#places.get(to) ?? 0);
    }
    return tasks.map(({ id }) => places.get(id));
  }

  #put(previous: Task | undefined, current: Task): void {
    this.#nodes.apply({ kind: "put", table: "tasks", id: current.id, index: 0, previous, current });
  }
}

function recordOf(place: number, [cpu, memory, gpu]: Amounts): ClusterNode {
  const hostname = `host${String(place + 1)}`;
  return {
    id: nodeId(`n${String(place + 1).padStart(24, "0")}`),
    spec: { labels: {}, availability: "active" },
    description: {
      hostname,
      platform: { os: "linux", architecture: "x86_64" },
      resources: {
        nanoCpus: cpu * 1e6,
        memoryBytes: memory * MIB,
        ...(gpu > 0 && { generic: { [KIND]: gpu } }),
      },
      engine: { version: "27.0.0", labels: {}, plugins: [] },
      murmurVersion: "0.1.0",
      dataPlane: "ports",
    },
    status: { state: "ready", message: "", at: 0, engine: { state: "ready", message: "", at: 0 } },
    address: "10.0.0.1:7373",
    raftRole: "none",
    keyDigest: hostname,
    createdAt: 0,
    updatedAt: 0,
    version: 1,
  };
}

function pendingTask(number: number, [cpu, memory, gpu]: Amounts): Task {
  const name = `task${String(number)}`;
  return {
    id: taskId(name),
    serviceId: serviceId(name),
    serviceName: name,
    slot: 1,
    spec: {
      container: { image: "task" },
      resources: {
        reservations: {
          nanoCpus: cpu * 1e6,
          memoryBytes: memory * MIB,
          ...(gpu > 0 && { generic: { [KIND]: gpu } }),
        },
        limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 },
      },
      restart: DEFAULT_RESTART,
      placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
      networks: [],
      forceUpdate: 0,
    },
    specVersion: 1,
    serviceLabels: {},
    endpointPorts: [],
    networks: [],
    desiredState: "running",
    status: { state: "pending", at: 0, message: "" },
    createdAt: 0,
    updatedAt: 0,
    version: 1,
  };
}
