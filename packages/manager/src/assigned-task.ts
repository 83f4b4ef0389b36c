import { isLater, type Task } from "@murmur/model";

/** A task made for a node (global services) is the agent's only once the scheduler has found room for it. */
export const isAssigned = (task: Task): boolean => task.nodeId !== undefined && !isLater("assigned", task.status.state);

/** Whether a change of a task is news for its agent; the agent's own status, coming back to it, isn't. */
export function concernsAgent(previous: Task | undefined, current: Task): boolean {
  if (!isAssigned(current)) return false;
  return (
    previous === undefined ||
    !isAssigned(previous) ||
    previous.desiredState !== current.desiredState ||
    previous.notBefore !== current.notBefore
  );
}
