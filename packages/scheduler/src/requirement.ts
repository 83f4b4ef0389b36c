import type { NodeId } from "@murmur/base";
import {
  reservedGeneric,
  unpermitted,
  type Constraint,
  type ContainerSpec,
  type NetworkId,
  type Placement,
} from "@murmur/model";
import type { Reservations, ServiceId, Strategy, Task } from "@murmur/model";
import type { Demand } from "./demand.ts";
import { volumesOf, type Homes } from "./homes.ts";
import { hostPortsOf, hostPortText, type HostPort } from "./host-ports.ts";

/** A plugin that a node's engine must have. */
export interface WantedPlugin {
  readonly kind: "Volume" | "Log";
  readonly name: string;
}

/** A network in which each node needs a gateway of its own. */
export interface NetworkRoom {
  readonly name: string;
  /** The highest number of a node that has one. */
  readonly nodesMax: number;
}

/** What a task asks of a node, read once for a group of tasks that ask for the same. */
export interface Requirement {
  readonly serviceId: ServiceId;
  readonly specVersion: number;
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  /** By kind, sorted. */
  readonly generic: readonly (readonly [kind: string, amount: number])[];
  /** Those of them that it must be. */
  readonly genericNames: readonly (readonly [kind: string, name: string])[];
  readonly strategy: Strategy;
  /** What tasks of the cluster ask for beside each kind of generic resource. */
  readonly demand: Demand;
  readonly constraints: readonly Constraint[];
  readonly platforms: Placement["platforms"];
  readonly preferences: Placement["preferences"];
  /** 0: no limit. */
  readonly maxReplicasPerNode: number;
  readonly hostPorts: readonly HostPort[];
  readonly plugins: readonly WantedPlugin[];
  /** What it asks for that a node has to permit; undefined: nothing. */
  readonly devices: Pick<ContainerSpec, "devices" | "privileged"> | undefined;
  /** Those of its networks that have addresses; none in a cluster of the `ports` plane. */
  readonly networks: readonly NetworkRoom[];
  /** Names of the volumes on a node's own disk that it mounts. */
  readonly volumes: readonly string[];
  /** The node of the last task in its slot, if it mounts volumes: of several nodes that hold them, the one with the newest data. */
  readonly home: NodeId | undefined;
}

/** What a requirement takes from the nodes and from the cluster. */
export interface Surroundings {
  readonly networks: ReadonlyMap<NetworkId, NetworkRoom>;
  readonly demand: Demand;
  readonly homes: Pick<Homes, "of">;
}

/** `strategy`: the cluster's, for services that name none. */
export function requirementOf(task: Task, surroundings: Surroundings, strategy: Strategy = "spread"): Requirement {
  const { placement, resources } = task.spec;
  return {
    serviceId: task.serviceId,
    specVersion: task.specVersion,
    nanoCpus: resources.reservations.nanoCpus,
    memoryBytes: resources.reservations.memoryBytes,
    generic: reservedGeneric(resources.reservations),
    genericNames: namedIn(resources.reservations.genericNames),
    strategy: placement.strategy ?? strategy,
    demand: surroundings.demand,
    constraints: placement.constraints,
    platforms: placement.platforms,
    preferences: placement.preferences,
    maxReplicasPerNode: placement.maxReplicasPerNode,
    hostPorts: hostPortsOf(task),
    plugins: pluginsOf(task),
    devices: unpermitted(task.spec.container).length === 0 ? undefined : task.spec.container,
    networks: task.networks.flatMap(({ networkId }) => surroundings.networks.get(networkId) ?? []),
    volumes: volumesOf(task),
    home: surroundings.homes.of(task),
  };
}

const NO_NAMES: Requirement["genericNames"] = [];

const pairsIn = (names: NonNullable<Reservations["genericNames"]>): Requirement["genericNames"] =>
  Object.entries(names).flatMap(([kind, list]) => list.map((name) => [kind, name] as const));

/** Names of generic resources, one by one. */
export const namedIn = (names: Reservations["genericNames"]): Requirement["genericNames"] =>
  names === undefined ? NO_NAMES : pairsIn(names);

function pluginsOf(task: Task): readonly WantedPlugin[] {
  const plugins: WantedPlugin[] = [];
  for (const mount of task.spec.container.mounts ?? []) {
    const driver = mount.volumeDriver?.name ?? "";
    if (mount.kind === "volume" && driver !== "" && driver !== "local") plugins.push({ kind: "Volume", name: driver });
  }
  const log = task.spec.logDriver?.name ?? "";
  if (log !== "" && log !== "none") plugins.push({ kind: "Log", name: log });
  return plugins;
}

/**
 * Equal for tasks that ask for the same: those of one service and spec version, with the same host ports, and the same
 * volumes from the same node.
 */
export function groupKey(task: Task, homes: Pick<Homes, "of">): string {
  const ports = hostPortsOf(task);
  const volumes = volumesOf(task);
  const key = `${task.serviceId}/${String(task.specVersion)}`;
  const own = volumes.length === 0 ? key : `${key}/${homes.of(task) ?? ""}/${volumes.join(",")}`;
  return ports.length === 0 ? own : `${own}/${ports.map(hostPortText).join(",")}`;
}

/** Whether two tasks are seen at a glance to have the same `groupKey`; not all that have it are. */
export const asksForTheSame = (a: Task, b: Task): boolean =>
  a.spec === b.spec &&
  a.spec.container.mounts === undefined &&
  a.serviceId === b.serviceId &&
  a.specVersion === b.specVersion &&
  a.endpointPorts === b.endpointPorts;
