import { ClusterError, nodeId, type NodeId } from "@murmur/base";
import {
  clusterId,
  DEFAULT_CLUSTER_SPEC,
  networkId,
  nodeNetworkOf,
  UNLOCK_KEY_SEAL_ID,
  type AddressPool,
  type ClusterSpec,
  type Command,
  type DataPlaneKind,
  type NetworkId,
  type NodeDescription,
  type SealKeyName,
  type Secret,
  type Service,
  type Task,
  type TaskId,
} from "@murmur/model";
import { createStore, type Store } from "@murmur/store";
import type { CalmFacts, Cluster, Forecast, PlacementFacts, ServiceChange, TaskMove } from "../ports.ts";

export const NODE_ONE = nodeId("n1aaaaaaaaaaaaaaaaaaaaaaa");
export const NODE_TWO = nodeId("n2bbbbbbbbbbbbbbbbbbbbbbb");
const NETWORK_ID = networkId("net0aaaaaaaaaaaaaaaaaaaaa");
const NOW = 1_700_000_000_000;

const described = (hostname: string): NodeDescription => ({
  hostname,
  platform: { os: "linux", architecture: "x86_64" },
  resources: { nanoCpus: 2_000_000_000, memoryBytes: 4 * 2 ** 30 },
  engine: { version: "20.10.24", labels: { storage: "ssd" }, plugins: [{ kind: "Volume", name: "local" }] },
  murmurVersion: "0.1.0",
  dataPlane: "ports",
});

type WithoutNow<T> = T extends unknown ? Omit<T, "now"> : never;

/** How a cluster differs from the usual one. */
export interface ClusterStart {
  readonly spec?: ClusterSpec;
  readonly dataPlane?: DataPlaneKind;
  readonly addressPool?: AddressPool;
  readonly dataPathPort?: number;
}

/** A cluster of one real store and no raft: every command is committed at once. */
export class MemoryCluster implements Cluster {
  readonly store: Store = createStore();
  /** Set, `read` and `submit` fail as without a quorum. */
  leaderless = false;
  watchers = 0;
  /** What the scheduler says of every task. */
  moved: readonly TaskMove[] = [];
  calmness: CalmFacts = { since: NOW };
  placement: PlacementFacts = { fitting: 0, message: "no suitable node", refusals: [] };
  #index = 0;

  constructor(start: ClusterStart = {}) {
    const { spec = DEFAULT_CLUSTER_SPEC, dataPlane, addressPool, dataPathPort } = start;
    const chosen = {
      ...(dataPlane && { dataPlane }),
      ...(addressPool && { addressPool }),
      ...(dataPathPort && { dataPathPort }),
    };
    this.apply({
      kind: "createCluster",
      cluster: {
        id: clusterId("c0aaaaaaaaaaaaaaaaaaaaaaa"),
        spec,
        caPem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        secrets: { caKeyPem: "-----KEY-----", joinSecret: "first-secret", gossipKeys: ["a2V5"] },
        ...chosen,
      },
      defaultNetworkId: NETWORK_ID,
    });
    this.addNode(NODE_ONE, "alpha", "10.0.0.1:7373");
    this.addNode(NODE_TWO, "beta", "10.0.0.2:7373");
    this.apply({ kind: "setRaftRoles", roles: { [NODE_ONE]: "voter" } });
  }

  addNode(id: NodeId, hostname: string, address: string): void {
    const base = { id, address, keyDigest: `digest-of-${hostname}`, hostname, labels: {} };
    this.apply({ kind: "createNode", ...base, availability: "active", joinSecret: "first-secret" });
    const engine = { state: "ready" as const, message: "" };
    this.apply({ kind: "describeNode", id, description: described(hostname), engine });
    this.apply({ kind: "setNodeState", id, state: "ready", message: "" });
  }

  /** Applies a command that must be accepted. */
  apply(command: WithoutNow<Command>): void {
    this.#index += 1;
    const timed: Command = { ...command, now: NOW };
    const result = this.store.apply(this.#index, timed);
    if (!result.ok) throw new Error(`${command.kind}: ${result.message}`);
  }

  /** A task that waits for a node. */
  addTask(
    service: Service,
    id: string,
    slot: number,
    more: Partial<Pick<Task, "desiredState" | "notBefore">> = {},
  ): TaskId {
    const isAddressed = ({ target }: { readonly target: NetworkId }): boolean =>
      this.store.view.network(target)?.spec.local === undefined;
    const { networks } = service.spec.task;
    const named = networks.filter(isAddressed).map(({ target, aliases }) => ({ networkId: target, aliases }));
    const attached = networks.length > 0 ? named : [{ networkId: NETWORK_ID, aliases: [] }];
    const task: Omit<Task, "version" | "createdAt" | "updatedAt" | "spec"> = {
      id: id as Task["id"],
      serviceId: service.id,
      serviceName: service.spec.name,
      slot,
      specVersion: service.specVersion,
      ...(service.jobIteration !== undefined && { jobIteration: service.jobIteration.index }),
      serviceLabels: service.spec.labels,
      endpointPorts: service.ports.map(({ protocol, targetPort, publishedPort, mode, hostIp }) => ({
        protocol,
        targetPort,
        publishedPort,
        mode,
        ...(mode === "host" && hostIp !== undefined && { hostIp }),
      })),
      networks: nodeNetworkOf(service.spec.task) === undefined ? attached : [],
      desiredState: "running",
      status: { state: "pending", at: NOW, message: "pending task scheduling" },
      ...more,
    };
    this.apply({ kind: "createTask", task });
    return task.id;
  }

  /** What the orchestrator and an agent would make of a service: a running task in the slot. */
  runTask(service: Service, name: string, slot: number, node = NODE_ONE): void {
    const id = this.addTask(service, name, slot);
    this.apply({ kind: "assignTask", id, nodeId: node });
    const status = { state: "running", at: NOW, message: "started", containerId: "f".repeat(64), pid: 42 } as const;
    this.apply({ kind: "reportTasks", nodeId: node, statuses: [{ id, status }] });
  }

  placements(_view: unknown, tasks: readonly Task[]): readonly PlacementFacts[] {
    return tasks.map(() => this.placement);
  }

  calm(): CalmFacts {
    return this.calmness;
  }

  moves(): readonly TaskMove[] {
    return this.moved;
  }

  async read(consistency: "linearizable" | "local", signal: AbortSignal) {
    signal.throwIfAborted();
    if (this.leaderless && consistency === "linearizable") throw noLeader();
    return this.store.view;
  }

  /** What the store makes of it: nobody makes tasks here, or gives any up. */
  async forecast(change: ServiceChange, signal: AbortSignal): Promise<Forecast> {
    signal.throwIfAborted();
    const fork = this.store.fork().read(Infinity);
    if (fork === undefined) throw new Error("all of it is read at once");
    const before = fork.view.service(change.id);
    const tasksBefore = fork.view.tasksOfService(change.id);
    const result = fork.apply(this.#index + 1, change);
    if (!result.ok) throw new ClusterError(result.code, result.message);
    const after = fork.view.service(change.id);
    if (after === undefined) throw new Error("the service is there");
    return { view: fork.view, before, tasksBefore, after, settled: true };
  }

  async submit(command: Command) {
    if (this.leaderless) throw noLeader();
    this.#index += 1;
    const result = this.store.apply(this.#index, command);
    if (!result.ok) throw new ClusterError(result.code, result.message);
    return result;
  }

  /** No seal at all, but base64 that differs from that of the bytes. */
  seal(plain: Uint8Array, id: string): Promise<string> {
    return Promise.resolve(sealedFor(id, plain));
  }

  unlockKey(): string | undefined {
    const { unlockKey } = this.store.view.cluster() ?? {};
    return unlockKey && plainOf(UNLOCK_KEY_SEAL_ID, unlockKey);
  }

  newSealKey(): Promise<SealKeyName> {
    return Promise.resolve({ hint: 7, digest: "ab".repeat(32) });
  }

  isSealed({ id, sealed }: Secret, plain: Uint8Array): boolean {
    return sealed === sealedFor(id, plain);
  }

  watch(options: Parameters<Cluster["watch"]>[0]) {
    this.watchers += 1;
    const watch = this.store.watch(options);
    return {
      drain: () => watch.drain(),
      close: () => {
        this.watchers -= 1;
        watch.close();
      },
    };
  }

  /** Set, snapshots have these chunks in place of the state's. */
  chunks: Iterable<Uint8Array> | undefined;

  async snapshot(signal: AbortSignal) {
    const view = await this.read("linearizable", signal);
    return { index: this.#index, term: 3, generation: 0, view, chunks: this.chunks ?? this.store.snapshot() };
  }

  standing() {
    const leader = this.leaderless ? undefined : NODE_ONE;
    return { leader, term: 3, generation: 0, voters: [NODE_ONE], learners: [] };
  }
}

const noLeader = (): ClusterError =>
  new ClusterError("no_leader", "the cluster has no leader: too few managers can reach each other");

const sealedFor = (id: string, plain: Uint8Array): string =>
  Buffer.concat([Buffer.from(`sealed for ${id}: `), plain.map((byte) => byte ^ 0xff)]).toString("base64");

const plainOf = (id: string, sealed: string): string => {
  const bytes = Buffer.from(sealed, "base64").subarray(`sealed for ${id}: `.length);
  return Buffer.from(bytes.map((byte) => byte ^ 0xff)).toString();
};
