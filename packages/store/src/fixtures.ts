import { nodeId, type NodeId } from "@murmur/base";
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
  type ContainerSpec,
  type GenericAmounts,
  type GenericOffer,
  type NetworkSpec,
  type PortConfig,
  type ServiceMode,
  type ServiceSpec,
  type Strategy,
  type Task,
} from "@murmur/model";
import type { ApplyResult } from "./result.ts";
import { createStore, type Store } from "./store.ts";

/** What the tests of this package build from; a full value of everything that a user may leave out. */
const NETWORK = networkId("net0");

type Overrides = {
  readonly mode?: ServiceMode;
  readonly image?: string;
  readonly ports?: readonly PortConfig[];
  readonly memoryBytes?: number;
  readonly generic?: GenericAmounts;
  readonly genericNames?: Readonly<Record<string, readonly string[]>>;
  readonly strategy?: Strategy;
  readonly networks?: readonly string[];
  readonly endpoint?: "vip" | "dnsrr";
  readonly container?: Partial<ContainerSpec>;
  readonly updateOrder?: "start-first" | "stop-first";
};

export function serviceSpec(
  name: string,
  {
    mode,
    image = "nginx",
    ports = [],
    memoryBytes = 0,
    generic,
    genericNames,
    strategy,
    networks = [NETWORK],
    endpoint = "vip",
    container,
    updateOrder: order = DEFAULT_UPDATE.order,
  }: Overrides = {},
): ServiceSpec {
  return {
    name,
    labels: {},
    mode: mode ?? { kind: "replicated", replicas: 1 },
    task: {
      container: { image, ...container },
      resources: {
        reservations: { nanoCpus: 0, memoryBytes, ...(generic && { generic }), ...(genericNames && { genericNames }) },
        limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 },
      },
      restart: DEFAULT_RESTART,
      placement: {
        constraints: [],
        preferences: [],
        maxReplicasPerNode: 0,
        platforms: [],
        ...(strategy && { strategy }),
      },
      networks: networks.map((target) => ({ target: networkId(target), aliases: [] })),
      forceUpdate: 0,
    },
    update: { ...DEFAULT_UPDATE, order },
    rollback: DEFAULT_UPDATE,
    endpoint: { mode: endpoint, ports },
  };
}

export const ingress = (targetPort: number, publishedPort = 0): PortConfig => ({
  protocol: "tcp",
  targetPort,
  publishedPort,
  mode: "ingress",
});

export const hostPort = (targetPort: number, publishedPort = 0): PortConfig => ({
  ...ingress(targetPort, publishedPort),
  mode: "host",
});

type NewTask = Extract<Command, { kind: "createTask" }>["task"];

export function newTask(id: string, service: string, more: Partial<NewTask> & Pick<NewTask, "specVersion">): NewTask {
  return {
    id: taskId(id),
    serviceId: serviceId(service),
    serviceName: service,
    slot: 1,
    serviceLabels: {},
    endpointPorts: [],
    networks: [{ networkId: NETWORK, aliases: [] }],
    desiredState: "running",
    status: { state: "pending", at: 1, message: "created" },
    ...more,
  };
}

type Untimed<C> = C extends Command ? Omit<C, "now"> : never;

/** A store with short ways to drive it. Each command is an entry of its own. */
export class Driver {
  readonly store: Store = createStore();
  index = 0;

  /** Applies a command, accepted or not. */
  try(command: Untimed<Command>): ApplyResult {
    this.index += 1;
    return this.store.apply(this.index, { ...command, now: this.index });
  }

  /** Applies a command that must be accepted. */
  do(command: Untimed<Command>): void {
    const result = this.try(command);
    if (!result.ok) throw new Error(`${command.kind}: ${result.message}`);
  }

  cluster(plane: Pick<Cluster, "dataPlane" | "addressPool"> = {}): this {
    const secrets = { caKeyPem: "key", joinSecret: "secret", gossipKeys: ["gossip"] };
    const cluster = { id: clusterId("c"), spec: DEFAULT_CLUSTER_SPEC, caPem: "ca", secrets, ...plane };
    this.do({ kind: "createCluster", cluster, defaultNetworkId: NETWORK });
    return this;
  }

  /** A network whose id is its name. */
  network(name: string, more: Partial<NetworkSpec> = {}): ApplyResult {
    const spec = { name, labels: {}, attachable: false, internal: false, ...more };
    return this.try({ kind: "createNetwork", id: networkId(name), spec });
  }

  /** Nodes that are up and active. */
  nodes(...ids: readonly string[]): this {
    for (const id of ids) {
      const facts = { address: `${id}:7373`, keyDigest: `key-${id}`, hostname: `host-${id}`, labels: {} };
      this.do({ kind: "createNode", id: nodeId(id), ...facts, availability: "active" });
      this.nodeIs(id, "ready");
    }
    return this;
  }

  nodeIs(id: string, state: "ready" | "down"): void {
    this.do({ kind: "setNodeState", id: nodeId(id), state, message: "" });
  }

  /** A node says how much memory it has, and what else it offers. */
  memory(id: string, memoryBytes: number, generic?: Readonly<Record<string, GenericOffer>>): this {
    const description = {
      hostname: `host-${id}`,
      platform: { os: "linux", architecture: "x86_64" },
      resources: { nanoCpus: 0, memoryBytes, ...(generic && { generic }) },
      engine: { version: "1", labels: {}, plugins: [] },
      murmurVersion: "1",
      dataPlane: "ports",
    } as const;
    this.do({ kind: "describeNode", id: nodeId(id), description });
    return this;
  }

  /** A service whose id is its name. */
  service(name: string, overrides: Overrides = {}): this {
    this.do({ kind: "createService", id: serviceId(name), spec: serviceSpec(name, overrides) });
    return this;
  }

  update(name: string, overrides: Overrides = {}): ApplyResult {
    const version = this.store.view.service(serviceId(name))?.version ?? 0;
    return this.try({ kind: "updateService", id: serviceId(name), version, spec: serviceSpec(name, overrides) });
  }

  specVersion(name: string): number {
    return this.store.view.service(serviceId(name))?.specVersion ?? 0;
  }

  createTask(id: string, service: string, more: Partial<NewTask> = {}): ApplyResult {
    const named = this.store.view.service(serviceId(service))?.spec.task.networks ?? [];
    const networks = named.map(({ target, aliases }) => ({ networkId: target, aliases }));
    const own = { specVersion: this.specVersion(service), ...(networks.length > 0 && { networks }) };
    const task = newTask(id, service, { ...own, ...more });
    return this.try({ kind: "createTask", task });
  }

  /** A task that runs on a node. */
  running(id: string, service: string, on: string, slot = 1): this {
    const created = this.createTask(id, service, { slot });
    if (!created.ok) throw new Error(created.message);
    this.do({ kind: "assignTask", id: taskId(id), nodeId: nodeId(on) });
    this.report(on, id, { state: "running" });
    return this;
  }

  report(node: string, id: string, status: Partial<Task["status"]> & Pick<Task["status"], "state">): void {
    const full = { at: this.index, message: "", ...status };
    this.do({ kind: "reportTasks", nodeId: nodeId(node), statuses: [{ id: taskId(id), status: full }] });
  }

  task(id: string): Task | undefined {
    return this.store.view.task(taskId(id));
  }
}

export const node = (id: string): NodeId => nodeId(id);
