import { isAssigned, isTerminal, type ClusterNode, type Task } from "@murmur/model";
import type { State } from "./state.ts";

/**
 * What a node lacks for one more task, or undefined when it fits. The scheduler has looked before; this is what keeps
 * a node from being given more than it has when two plans were made from the same view. Tasks count from their
 * assignment on: those that only wait for the node would else keep each other out of it. A node that hasn't described
 * itself yet isn't judged.
 */
export function lacking(state: State, node: ClusterNode, task: Task): "CPU" | "memory" | undefined {
  const { reservations } = task.spec.resources;
  const has = node.description?.resources;
  if (has === undefined) return undefined;
  let { nanoCpus, memoryBytes } = reservations;
  // Sums beyond what fits need not be exact: reservations are never negative, so they stay beyond.
  for (const other of state.tasksOfNode(node.id)) {
    const { state: at } = other.status;
    if (other.id === task.id || !isAssigned(at) || isTerminal(at)) continue;
    nanoCpus += other.spec.resources.reservations.nanoCpus;
    memoryBytes += other.spec.resources.reservations.memoryBytes;
  }
  if (reservations.nanoCpus > 0 && nanoCpus > has.nanoCpus) return "CPU";
  return reservations.memoryBytes > 0 && memoryBytes > has.memoryBytes ? "memory" : undefined;
}
