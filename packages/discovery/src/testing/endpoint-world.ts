import { nodeId } from "@murmur/base";
import {
  clusterId,
  DEFAULT_CLUSTER_SPEC,
  DEFAULT_RESTART,
  DEFAULT_UPDATE,
  networkId,
  NODE_NETWORKS,
  nodeNetworkOf,
  serviceId,
  taskId,
  type Command,
  type DataPlaneKind,
  type Health,
  type ServiceSpec,
} from "@murmur/model";
import { createStore, type Store } from "@murmur/store";
import * as fc from "fast-check";

export const NETWORK = networkId("net0");
export const EXTRA = networkId("net1");

function spec(
  name: string,
  {
    image = "nginx",
    publishedPort = 0,
    checked = false,
    networks = true,
    extra = false,
    dnsrr = false,
    onHost = false,
  } = {},
): ServiceSpec {
  return {
    name,
    labels: {},
    mode: { kind: "replicated", replicas: 1 },
    task: {
      container: { image, ...(checked && { healthCheck: { test: ["CMD", "true"] } }) },
      resources: { reservations: { nanoCpus: 0, memoryBytes: 0 }, limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 } },
      restart: DEFAULT_RESTART,
      placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
      networks: onHost
        ? NODE_NETWORKS.slice(0, 1).map(({ id }) => ({ target: id, aliases: [] }))
        : [
            ...(networks ? [{ target: NETWORK, aliases: ["alias"] }] : []),
            ...(extra ? [{ target: EXTRA, aliases: [] }] : []),
          ],
      forceUpdate: 0,
    },
    update: DEFAULT_UPDATE,
    rollback: DEFAULT_UPDATE,
    endpoint: {
      mode: dnsrr ? "dnsrr" : "vip",
      ports: dnsrr || onHost ? [] : [{ name: "http", protocol: "tcp", targetPort: 80, publishedPort, mode: "ingress" }],
    },
  };
}

/** A store to which one command after the other is applied, the refused ones too. */
export class EndpointWorld {
  readonly store: Store = createStore();
  #index = 0;

  constructor(dataPlane: DataPlaneKind = "ports") {
    const secrets = { caKeyPem: "", joinSecret: "s", gossipKeys: [] };
    const cluster = { id: clusterId("c"), spec: DEFAULT_CLUSTER_SPEC, caPem: "", secrets, dataPlane };
    this.apply({ kind: "createCluster", now: 0, cluster, defaultNetworkId: NETWORK });
  }

  apply(command: Command): boolean {
    this.#index += 1;
    return this.store.apply(this.#index, command).ok;
  }

  node(id: string, address = `10.0.0.${id}:7373`): void {
    const facts = { keyDigest: id, hostname: id, labels: {}, availability: "active" } as const;
    this.apply({ kind: "createNode", now: 0, id: nodeId(id), address, ...facts });
    this.state(id, "ready");
  }

  state(id: string, state: "ready" | "down"): void {
    this.apply({ kind: "setNodeState", now: 0, id: nodeId(id), state, message: "" });
  }

  service(id: string, options: Parameters<typeof spec>[1] = {}): void {
    this.apply({ kind: "createService", now: 0, id: serviceId(id), spec: spec(id, options) });
  }

  task(id: string, service: string, slot: number): void {
    const record = this.store.view.service(serviceId(service));
    const specVersion = record?.specVersion ?? 0;
    const named = record === undefined || nodeNetworkOf(record.spec.task) ? [] : record.spec.task.networks;
    const networks = named.map(({ target, aliases }) => ({ networkId: target, aliases }));
    const status = { state: "pending", at: 0, message: "" } as const;
    const same = { serviceLabels: {}, endpointPorts: [], networks, desiredState: "running" } as const;
    const task = {
      id: taskId(id),
      serviceId: serviceId(service),
      serviceName: service,
      slot,
      specVersion,
      status,
      ...same,
    };
    this.apply({ kind: "createTask", now: 0, task });
  }

  run(id: string, node: string, health?: Health, message = ""): void {
    this.apply({ kind: "assignTask", now: 0, id: taskId(id), nodeId: nodeId(node) });
    const ports = [{ protocol: "tcp", targetPort: 80, hostPort: 33_000 }] as const;
    const status = { state: "running", at: 0, message, ports, ...(health && { health }) } as const;
    this.apply({ kind: "reportTasks", now: 0, nodeId: nodeId(node), statuses: [{ id: taskId(id), status }] });
  }
}

/** One service with one task, which runs. */
export function running(options: Parameters<typeof spec>[1] = {}, dataPlane: DataPlaneKind = "ports"): EndpointWorld {
  const world = new EndpointWorld(dataPlane);
  world.node("1");
  world.service("web", options);
  world.task("t1", "web", 1);
  world.run("t1", "1");
  return world;
}

const number = (max: number) => fc.integer({ min: 1, max }).map(String);
const health = fc.constantFrom<(Health | undefined)[]>(undefined, "none", "starting", "healthy", "unhealthy");
/** What may happen to a cluster of three nodes, three services and twenty tasks. */
export const action: fc.Arbitrary<(world: EndpointWorld) => void> = fc.oneof(
  number(3).map((id) => (world: EndpointWorld) => world.node(id)),
  fc.tuple(number(3), number(9)).map(
    ([id, at]) =>
      (world: EndpointWorld) =>
        world.node(id, `10.9.9.${at}:7373`),
  ),
  fc.tuple(number(3), fc.constantFrom("ready", "down")).map(
    ([id, state]) =>
      (world: EndpointWorld) =>
        world.state(id, state),
  ),
  number(3).map((id) => (world: EndpointWorld) => {
    world.apply({ kind: "removeNode", now: 0, id: nodeId(id), force: true });
  }),
  fc.tuple(number(3), fc.boolean()).map(
    ([id, checked]) =>
      (world: EndpointWorld) =>
        world.service(id, { checked }),
  ),
  fc
    .tuple(number(3), number(3), fc.boolean(), fc.boolean(), fc.boolean())
    .map(([id, image, extra, dnsrr, onHost]) => (world: EndpointWorld) => {
      const version = world.store.view.service(serviceId(id))?.version ?? 0;
      const next = spec(id, { image, extra, dnsrr, onHost });
      world.apply({ kind: "updateService", now: 0, id: serviceId(id), version, spec: next });
    }),
  fc.boolean().map((makes) => (world: EndpointWorld) => {
    const spec = { name: "extra", labels: {}, attachable: false, internal: false };
    if (makes) world.apply({ kind: "createNetwork", now: 0, id: EXTRA, spec });
    else world.apply({ kind: "removeNetwork", now: 0, id: EXTRA });
  }),
  fc
    .tuple(number(20), number(3), fc.constantFrom("failed", "shutdown"))
    .map(([id, node, state]) => (world: EndpointWorld) => {
      const status = { state, at: 0, message: "" } as const;
      world.apply({ kind: "reportTasks", now: 0, nodeId: nodeId(node), statuses: [{ id: taskId(id), status }] });
    }),
  number(3).map((id) => (world: EndpointWorld) => {
    world.apply({ kind: "removeService", now: 0, id: serviceId(id) });
    world.apply({ kind: "finishRemoveService", now: 0, id: serviceId(id) });
  }),
  fc
    .tuple(number(20), number(3), fc.integer({ min: 1, max: 3 }))
    .map(([id, service, slot]) => (world: EndpointWorld) => {
      world.task(id, service, slot);
    }),
  fc.tuple(number(20), number(3), health).map(
    ([id, node, health]) =>
      (world: EndpointWorld) =>
        world.run(id, node, health),
  ),
  number(20).map((id) => (world: EndpointWorld) => {
    world.apply({ kind: "setDesiredState", now: 0, id: taskId(id), desired: "shutdown" });
  }),
  number(20).map((id) => (world: EndpointWorld) => {
    world.apply({ kind: "removeTask", now: 0, id: taskId(id) });
  }),
);
