import type { Millis, NodeId } from "@murmur/base";
import type { Index, NetworkId, ServiceId, TaskId } from "./ids.ts";
import type { NetworkAddress } from "./network.ts";
import { isLeftSlowly, type ClusterNode } from "./node.ts";
import type { PortProtocol, TaskSpec } from "./service-spec.ts";
import type { DesiredState, TaskState } from "./states.ts";

/** A port of the container that can be reached at `hostPort` of the task's node. */
export interface PublishedPort {
  readonly protocol: PortProtocol;
  readonly targetPort: number;
  readonly hostPort: number;
}

/** The latest health check's result; `none` when the container has no health check. */
export type Health = "none" | "starting" | "healthy" | "unhealthy";

/** What the agent observed. Only the agent of the task's node writes it (the manager: before a node is assigned). */
export interface TaskStatus {
  readonly state: TaskState;
  readonly at: Millis;
  /** One line for people: what it is doing. */
  readonly message: string;
  /** One line: why it failed, or why it waits. The engine's own words where they come from the engine. */
  readonly error?: string;
  readonly containerId?: string;
  readonly pid?: number;
  readonly exitCode?: number;
  readonly health?: Health;
  /** Address that other nodes reach the published ports at (`ports` data plane). */
  readonly address?: string;
  readonly ports?: readonly PublishedPort[];
}

/** A volume that a task mounts by name, and the node that holds one of this name. */
export interface LeftVolume {
  readonly name: string;
  readonly nodeId: NodeId;
  readonly hostname: string;
}

/** One attempt. Its assignment never changes; a replacement is a new task in the same slot. */
export interface Task {
  readonly id: TaskId;
  readonly serviceId: ServiceId;
  /** The service's name when the task was made: names the container, and outlives the service's record. */
  readonly serviceName: string;
  /** 1, 2, … for replicated services and jobs; 0 for global ones, which have one task a node. */
  readonly slot: number;
  /** Set when created for a global service, else by the scheduler, once. */
  readonly nodeId?: NodeId;
  readonly spec: TaskSpec;
  readonly specVersion: Index;
  readonly serviceLabels: Readonly<Record<string, string>>;
  readonly endpointPorts: readonly {
    readonly protocol: PortProtocol;
    readonly targetPort: number;
    readonly publishedPort: number;
    readonly mode: "ingress" | "host";
    /** Of ports in mode `host`. */
    readonly hostIp?: string;
  }[];
  readonly networks: readonly {
    readonly networkId: NetworkId;
    readonly aliases: readonly string[];
  }[];
  /** One for each of `networks`, in their order; from the assignment on, and only in a cluster of the `overlay` plane. */
  readonly addresses?: readonly NetworkAddress[];
  /** The names that it was given, by kind, of what its node offers by name; from the assignment on. */
  readonly genericNames?: Readonly<Record<string, readonly string[]>>;
  /** Volumes that it mounts and that another node than its own held when it was assigned: their data stayed there. */
  readonly leftVolumes?: readonly LeftVolume[];
  /** The service had a login to its registry when the task was made: its node doesn't pull without having heard of it. */
  readonly hasLogin?: true;
  readonly desiredState: DesiredState;
  /** Not started before this moment: the restart policy's delay. */
  readonly notBefore?: Millis;
  readonly status: TaskStatus;
  /** The user wants it to go on elsewhere. Until then a task may be made beside it, to take over; after it, it stays. */
  readonly move?: { readonly since: Millis; readonly until: Millis };
  readonly jobIteration?: number;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
  readonly version: Index;
}

/**
 * Whether a task works on only until its replacement does: it is to go elsewhere, or its node is left slowly. `node`: the
 * task's own.
 */
export const isLeaving = (task: Pick<Task, "move">, node: ClusterNode | undefined, now: Millis): boolean =>
  (task.move !== undefined && now < task.move.until) || (node !== undefined && isLeftSlowly(node, now));

/** The name of a task's container and of the task for people: `web.1.ID`, `web.NODE.ID`. */
export function taskName(task: Pick<Task, "serviceName" | "slot" | "nodeId" | "id">): string {
  return `${task.serviceName}.${task.slot > 0 ? String(task.slot) : (task.nodeId ?? "")}.${task.id}`;
}
