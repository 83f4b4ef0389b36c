import type { NodeId } from "@murmur/base";
import type { Endpoint, TaskId } from "@murmur/model";

/** What gossip says, sooner than the committed table can: endpoints that must not be used any more. */
export interface Suspects {
  /** Tasks that have stopped, or become unhealthy, or are about to stop. */
  readonly withdrawn: ReadonlySet<TaskId>;
  readonly deadNodes: ReadonlySet<NodeId>;
}

export const NO_SUSPECTS: Suspects = { withdrawn: new Set(), deadNodes: new Set() };

export const isUsable = (endpoint: Pick<Endpoint, "taskId" | "nodeId">, suspects: Suspects): boolean =>
  !suspects.withdrawn.has(endpoint.taskId) && !suspects.deadNodes.has(endpoint.nodeId);
