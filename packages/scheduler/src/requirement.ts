import type { Constraint, NetworkId, Placement, ServiceId, Task } from "@murmur/model";
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
  readonly constraints: readonly Constraint[];
  readonly platforms: Placement["platforms"];
  readonly preferences: Placement["preferences"];
  /** 0: no limit. */
  readonly maxReplicasPerNode: number;
  readonly hostPorts: readonly HostPort[];
  readonly plugins: readonly WantedPlugin[];
  /** Those of its networks that have addresses; none in a cluster of the `ports` plane. */
  readonly networks: readonly NetworkRoom[];
}

export function requirementOf(task: Task, networks: ReadonlyMap<NetworkId, NetworkRoom>): Requirement {
  const { placement, resources } = task.spec;
  return {
    serviceId: task.serviceId,
    specVersion: task.specVersion,
    nanoCpus: resources.reservations.nanoCpus,
    memoryBytes: resources.reservations.memoryBytes,
    constraints: placement.constraints,
    platforms: placement.platforms,
    preferences: placement.preferences,
    maxReplicasPerNode: placement.maxReplicasPerNode,
    hostPorts: hostPortsOf(task),
    plugins: pluginsOf(task),
    networks: task.networks.flatMap(({ networkId }) => networks.get(networkId) ?? []),
  };
}

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

/** Equal for tasks that ask for the same: those of one service and spec version, with the same host ports. */
export function groupKey(task: Task): string {
  const ports = hostPortsOf(task);
  const key = `${task.serviceId}/${String(task.specVersion)}`;
  return ports.length === 0 ? key : `${key}/${ports.map(hostPortText).join(",")}`;
}
