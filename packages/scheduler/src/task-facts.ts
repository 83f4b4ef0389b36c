import { isAssigned, isTerminal, wantsToRun, type Task } from "@murmur/model";

/** Whether a task still has to be given a node, or, when it was made for one, to be let in there. */
export function isPending(task: Task): boolean {
  return !isAssigned(task.status.state) && wantsToRun(task.desiredState);
}

/** Whether a task takes room on its node: from its assignment until it has stopped, wanted or not. */
export function occupies(task: Task): boolean {
  return isAssigned(task.status.state) && !isTerminal(task.status.state);
}
