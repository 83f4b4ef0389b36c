import { nodeId, type NodeId } from "@murmur/base";
import {
  clusterId,
  DEFAULT_CLUSTER_SPEC,
  DEFAULT_RESTART,
  DEFAULT_UPDATE,
  networkId,
  serviceId,
  type Cluster,
  type Command,
  type ContainerSpec,
  type NodeDescription,
  type ServiceId,
  type ServiceSpec,
  type TaskId,
  type TaskState,
} from "@murmur/model";
import { createStore, type ApplyResult, type Store } from "@murmur/store";

const DESCRIPTION: NodeDescription = {
  hostname: "host",
  platform: { os: "linux", architecture: "x86_64" },
  resources: { nanoCpus: 4_000_000_000, memoryBytes: 8 * 2 ** 30 },
  engine: { version: "27.0.0", labels: {}, plugins: [] },
  murmurVersion: "0.1.0",
  dataPlane: "ports",
};

/** A real store with a cluster in it, and the entries that a log would bring it. */
export class ClusterStore {
  readonly store: Store = createStore();
  readonly nodes: readonly NodeId[];
  now = 1_000;
  #index = 0;

  /** All nodes are ready to take tasks. */
  constructor(nodes: readonly string[] = ["n1", "n2"], plane: Pick<Cluster, "dataPlane" | "addressPool"> = {}) {
    this.nodes = nodes.map(nodeId);
    this.apply({
      kind: "createCluster",
      cluster: {
        id: clusterId("c1"),
        spec: DEFAULT_CLUSTER_SPEC,
        caPem: "ca",
        secrets: { caKeyPem: "key", joinSecret: "secret", gossipKeys: ["k1"] },
        ...plane,
      },
      defaultNetworkId: networkId("net0"),
      now: this.now,
    });
    for (const id of this.nodes) this.addNode(id);
  }

  addNode(id: NodeId): void {
    const { now } = this;
    const address = `${id}:7373`;
    const joined = { hostname: id, labels: {}, availability: "active", keyDigest: `key of ${id}` } as const;
    this.apply(
      { kind: "createNode", id, address, ...joined, now },
      { kind: "describeNode", id, description: DESCRIPTION, engine: { state: "ready", message: "" }, now },
      { kind: "setNodeState", id, state: "ready", message: "", now },
    );
  }

  /** Applies commands as one entry. */
  apply(...commands: Command[]): readonly ApplyResult[] {
    this.#index += 1;
    return commands.map((command) => this.store.apply(this.#index, command));
  }

  /** As the control loop and the dispatcher submit; everything is committed at once. */
  submit = (commands: readonly Command[]): Promise<readonly ApplyResult[]> => Promise.resolve(this.apply(...commands));

  createService(name: string, replicas: number, memoryBytes = 0, container: Partial<ContainerSpec> = {}): ServiceId {
    const id = serviceId(name);
    const made = serviceSpec(name, replicas, memoryBytes);
    const spec = { ...made, task: { ...made.task, container: { ...made.task.container, ...container } } };
    this.apply({ kind: "createService", id, spec, now: this.now });
    return id;
  }

  /** What a node's agent reports of a task. */
  report(node: NodeId, id: TaskId, state: TaskState): void {
    const status = { state, at: this.now, message: state };
    this.apply({ kind: "reportTasks", nodeId: node, statuses: [{ id, status }], now: this.now });
  }
}

export function serviceSpec(name: string, replicas: number, memoryBytes = 0): ServiceSpec {
  return {
    name,
    labels: {},
    mode: { kind: "replicated", replicas },
    task: {
      container: { image: "web" },
      resources: { reservations: { nanoCpus: 0, memoryBytes }, limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 } },
      restart: DEFAULT_RESTART,
      placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
      networks: [],
      forceUpdate: 0,
    },
    update: DEFAULT_UPDATE,
    rollback: DEFAULT_UPDATE,
    endpoint: { mode: "vip", ports: [] },
  };
}
