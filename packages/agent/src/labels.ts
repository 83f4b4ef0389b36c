import { isId, nodeId, type NodeId } from "@murmur/base";
import { taskId, taskName, type ClusterId, type Task, type TaskId } from "@murmur/model";
import { portBindings } from "./port-bindings.ts";
import type { ContainerNetworks, ContainerSummary, NodeContext } from "./ports.ts";

const CLUSTER = "murmur.cluster.id";
const NODE = "murmur.node.id";
const TASK = "murmur.task.id";
/** Where the engine has published the container's ports; empty: nowhere, or on all addresses. */
const ADDRESS = "murmur.node.address";
/** How many networks the container is to be in; left out where it is one, or the engine's own. */
const NETWORKS = "murmur.task.networks";

/** A list or event filter with these finds what the agents of this cluster made on an engine. */
export const clusterLabels = (clusterId: ClusterId): Readonly<Record<string, string>> => ({ [CLUSTER]: clusterId });

/** Whose container it is; a list or event filter with these finds what this node's agent made, and nothing else. */
export function ownerLabels(clusterId: ClusterId, nodeId: NodeId): Readonly<Record<string, string>> {
  return { [CLUSTER]: clusterId, [NODE]: nodeId };
}

/**
 * All labels of a task's container: the user's, then Docker's own for tasks of a swarm, which monitoring tools look
 * for, then ours. The agent finds its containers again by ours, so no label of the user's can replace one.
 */
export function containerLabels(task: Task, owner: NodeContext): Readonly<Record<string, string>> {
  const isBound = portBindings(task, owner).some(({ hostIp }) => hostIp === owner.dataAddress);
  return {
    ...task.spec.container.labels,
    "com.docker.swarm.node.id": owner.nodeId,
    "com.docker.swarm.service.id": task.serviceId,
    "com.docker.swarm.service.name": task.serviceName,
    "com.docker.swarm.task": "",
    "com.docker.swarm.task.id": task.id,
    "com.docker.swarm.task.name": taskName(task),
    ...ownerLabels(owner.clusterId, owner.nodeId),
    [TASK]: task.id,
    [ADDRESS]: isBound ? owner.dataAddress : "",
  };
}

/** What tells a volume that was made for a task from others on the engine. */
export const volumeLabels = ({ clusterId }: NodeContext): Readonly<Record<string, string>> => clusterLabels(clusterId);

/** Tells how many networks a container is to be in, for engines that connect it to them one by one. */
export function networksLabel(networks: ContainerNetworks): Readonly<Record<string, string>> {
  const length = networks.attached.length + (networks.local?.length ?? 0);
  return length > 1 ? { [NETWORKS]: String(length) } : {};
}

/** How many networks a container is to be in, as far as its labels say. */
export function networksOf(container: Pick<ContainerSummary, "labels">): number {
  return Number(container.labels[NETWORKS] ?? 0);
}

/**
 * Where a running container's ports are reached: where they were published when it was made, which may be an address that
 * the node had then, else at the node's address as it is now. Undefined where tasks have addresses of their own.
 */
export function addressOf(container: Pick<ContainerSummary, "labels">, node: NodeContext): string | undefined {
  return node.dataPlane === "ports" ? container.labels[ADDRESS] || node.dataAddress : undefined;
}

/** The node whose agent made a container; undefined for a container that carries no such label. */
export function makerOf(container: Pick<ContainerSummary, "labels">): NodeId | undefined {
  const id = container.labels[NODE];
  return id !== undefined && isId(id) ? nodeId(id) : undefined;
}

/** The task that a container was made for; undefined for a container that carries no such label. */
export function taskOf(container: Pick<ContainerSummary, "labels">): TaskId | undefined {
  const id = container.labels[TASK];
  return id === undefined ? undefined : taskId(id);
}
