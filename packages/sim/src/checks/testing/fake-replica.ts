import { nodeId, type NodeId } from "@murmur/base";
import {
  serviceId,
  taskId,
  type ClusterNode,
  type Network,
  type NetworkId,
  type Service,
  type ServiceId,
  type Task,
  type TaskId,
} from "@murmur/model";
import { slotOf, type Change, type ChangeBatch, type View } from "@murmur/store";
import type { ClusterHost } from "../cluster-checks.ts";
import { spec } from "./settled.ts";

type Replica = NonNullable<ReturnType<NonNullable<ClusterHost["member"]>["host"]["manager"]>>;

/** A replica that takes whatever it is given, also what no store would. */
export class FakeReplica implements Replica {
  readonly #nodes = new Map<NodeId, ClusterNode>();
  readonly #services = new Map<ServiceId, Service>();
  readonly #tasks = new Map<TaskId, Task>();
  readonly #networks = new Map<NetworkId, Network>();
  #version = 1;
  #batches: ChangeBatch[] = [];
  /** What it says of its whole state. */
  digestText = "same";

  readonly view: View;

  constructor() {
    const version = (): number => this.#version;
    this.view = {
      get version() {
        return version();
      },
      cluster: () => undefined,
      nodes: () => [...this.#nodes.values()],
      node: (id) => this.#nodes.get(id),
      nodesByNameOrId: () => [],
      services: () => [...this.#services.values()],
      service: (id) => this.#services.get(id),
      serviceByName: () => undefined,
      tasks: () => this.#tasks.values(),
      taskCount: 0,
      task: (id) => this.#tasks.get(id),
      tasksOfService: (id) => this.#where((task) => task.serviceId === id),
      tasksOfNode: (id) => this.#where((task) => task.nodeId === id),
      tasksOfSlot: (id, slot) => this.#where((task) => task.serviceId === id && slotOf(task) === slot),
      networks: () => [...this.#networks.values()],
      network: () => undefined,
      networkByName: () => undefined,
      secrets: () => [],
      secret: () => undefined,
      secretByName: () => undefined,
      configs: () => [],
      config: () => undefined,
      configByName: () => undefined,
      addressUse: () => undefined,
      restartHistory: () => undefined,
    };
  }

  watch(): ReturnType<Replica["watch"]> {
    return {
      drain: () => ({ kind: "changes", batches: this.#batches.splice(0) }),
      close: () => {},
    };
  }

  digest(): string {
    return this.digestText;
  }

  /** The state jumps to a version without any change. */
  jump(version: number): void {
    this.#version = version;
  }

  node(current: ClusterNode): void {
    const previous = this.#nodes.get(current.id);
    this.#nodes.set(current.id, current);
    this.#change((index) => ({ table: "nodes", kind: "put", id: current.id, index, previous, current }));
  }

  network(current: Network): void {
    const previous = this.#networks.get(current.id);
    this.#networks.set(current.id, current);
    this.#change((index) => ({ table: "networks", kind: "put", id: current.id, index, previous, current }));
  }

  service(current: Service): void {
    const previous = this.#services.get(current.id);
    this.#services.set(current.id, current);
    this.#change((index) => ({ table: "services", kind: "put", id: current.id, index, previous, current }));
  }

  task(current: Task): void {
    const previous = this.#tasks.get(current.id);
    this.#tasks.set(current.id, current);
    this.#change((index) => ({ table: "tasks", kind: "put", id: current.id, index, previous, current }));
  }

  #change(make: (index: number) => Change): void {
    this.#version += 1;
    this.#batches.push({ index: this.#version, changes: [make(this.#version)] });
  }

  #where(which: (task: Task) => boolean): readonly Task[] {
    return [...this.#tasks.values()].filter(which);
  }
}

export function fakeNode(id: string, more: Partial<ClusterNode> = {}): ClusterNode {
  const ready = { state: "ready", message: "", at: 0 } as const;
  return {
    id: nodeId(id),
    spec: { labels: {}, availability: "active" },
    description: {
      hostname: id,
      platform: { os: "linux", architecture: "amd64" },
      resources: { nanoCpus: 1_000_000_000, memoryBytes: 2 ** 30 },
      engine: { version: "1", labels: {}, plugins: [] },
      murmurVersion: "0",
      dataPlane: "ports",
    },
    status: { ...ready, engine: ready },
    address: `${id}:1`,
    raftRole: "none",
    keyDigest: id,
    createdAt: 0,
    updatedAt: 0,
    version: 1,
    ...more,
  };
}

export const fakeService = (id: string, more: Partial<Service> = {}): Service => ({
  id: serviceId(id),
  createdAt: 0,
  updatedAt: 0,
  version: 1,
  specVersion: 1,
  spec: spec(id, { kind: "replicated", replicas: 1 }),
  ports: [],
  ...more,
});

type TaskOptions = Partial<Omit<Task, "status" | "id">> & { readonly state?: Task["status"]["state"] };

export function fakeTask(id: string, { state = "running", ...more }: TaskOptions = {}): Task {
  return {
    id: taskId(id),
    serviceId: serviceId("web"),
    serviceName: "web",
    slot: 1,
    nodeId: nodeId("n1"),
    spec: spec("web", { kind: "replicated", replicas: 1 }).task,
    specVersion: 1,
    serviceLabels: {},
    endpointPorts: [],
    networks: [],
    desiredState: "running",
    status: { state, at: 0, message: "" },
    createdAt: 0,
    updatedAt: 0,
    version: 1,
    ...more,
  };
}
