import type { NodeId } from "@murmur/base";
import {
  serviceId,
  type ClusterNode,
  type NodeSpec,
  type ServiceId,
  type ServiceMode,
  type ServiceSpec,
} from "@murmur/model";
import type { Host } from "../../world/host.ts";
import type { Observer } from "../../world/observer.ts";
import { World } from "../../world/world.ts";

/** A world of so many hosts that has its managers. */
export async function settledWorld(
  seed: number,
  {
    hosts,
    observers = () => [],
  }: { readonly hosts: number; readonly observers?: (world: World) => readonly Observer[] },
): Promise<World> {
  await World.warmUp();
  const world = new World({ seed });
  world.observers.push(...observers(world));
  await settle(world, hosts);
  return world;
}

/** Gives a world so many hosts, in one cluster that has its managers, all ready for tasks. The first one starts it. */
export async function settle(world: World, hosts: number): Promise<void> {
  await world.found(world.addHost());
  for (let number = 1; number < hosts; number += 1) await world.during(world.join(world.addHost()));
  const wanted = hosts < 3 ? 1 : 3;
  const isReady = ({ status }: ClusterNode): boolean => status.state === "ready" && status.engine.state === "ready";
  const took = await world.until(() => {
    const manager = world.leader?.manager;
    return manager?.status().membership.voters.length === wanted && manager.view.nodes().every(isReady);
  }, 30_000);
  if (took === undefined) throw new Error("the cluster did not find its managers");
}

/** A small service. */
export function spec(
  name: string,
  mode: ServiceMode,
  options: {
    readonly publishedPort?: number;
    readonly order?: "stop-first" | "start-first";
    readonly image?: string;
  } = {},
): ServiceSpec {
  const { publishedPort, order = "stop-first", image = "web:1" } = options;
  const nothing = { nanoCpus: 0, memoryBytes: 0 };
  const reservations = { nanoCpus: 100_000_000, memoryBytes: 64 * 2 ** 20 };
  const update = {
    parallelism: 1,
    delayMs: 0,
    failureAction: "pause",
    monitorMs: 1_000,
    maxFailureRatio: 0,
    order,
  } as const;
  const port = { protocol: "tcp", targetPort: 8080, publishedPort: publishedPort ?? 0, mode: "ingress" } as const;
  return {
    name,
    labels: {},
    mode,
    task: {
      container: { image },
      resources: { reservations, limits: { ...nothing, pids: 0 } },
      restart: { condition: "any", delayMs: 500, maxAttempts: 0, windowMs: 0 },
      placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
      networks: [],
      forceUpdate: 0,
    },
    update,
    rollback: update,
    endpoint: { mode: "vip", ports: publishedPort === undefined ? [] : [port] },
  };
}

/** Creates a service through a host's manager. */
export async function create(world: World, host: Host, wanted: ServiceSpec): Promise<ServiceId> {
  const id = serviceId(world.newId());
  const now = world.clock.now();
  const { manager } = host;
  if (manager === undefined) throw new Error(`${host.name} is no manager`);
  await world.during(manager.submit({ kind: "createService", id, spec: wanted, now }, new AbortController().signal));
  return id;
}

/** Gives a service another spec; undefined removes it. */
export async function change(world: World, host: Host, id: ServiceId, wanted: ServiceSpec | undefined): Promise<void> {
  const now = world.clock.now();
  const { manager } = host;
  const version = manager?.view.service(id)?.version;
  if (manager === undefined || version === undefined) throw new Error(`${host.name} doesn't know ${id}`);
  const command =
    wanted === undefined
      ? ({ kind: "removeService", id, now } as const)
      : ({ kind: "updateService", id, version, spec: wanted, now } as const);
  await world.during(manager.submit(command, new AbortController().signal));
}

/** Changes what is wanted of a node, through a host's manager. */
export async function changeNode(world: World, host: Host, id: NodeId, change: Partial<NodeSpec>): Promise<void> {
  const now = world.clock.now();
  const { manager } = host;
  const node = manager?.view.node(id);
  if (manager === undefined || node === undefined) throw new Error(`${host.name} doesn't know ${id}`);
  const spec = { ...node.spec, ...change };
  const command = { kind: "updateNode", id, version: node.version, spec, now } as const;
  await world.during(manager.submit(command, new AbortController().signal));
}

export async function end(world: World): Promise<void> {
  for (const host of world.running) await world.during(host.stop());
}
