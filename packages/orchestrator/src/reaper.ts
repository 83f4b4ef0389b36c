import { isTerminal, wantsToRun, type Task } from "@murmur/model";
import type { Round } from "./round.ts";
import type { Slot } from "./standing.ts";
import { isFinished, isUp } from "./task-facts.ts";

/**
 * Removes the records of old tasks of a slot, oldest first, until no more than the history limit remain, the present
 * task counted, as in Docker. Kept in any case: the slot's last task, and the one before it until its replacement is
 * up, because decisions and people read there how it ended.
 */
export function reap(round: Round, slot: Slot): void {
  if (slot.tasks.length === 1 && slot.tasks[0]?.desiredState !== "remove") return;
  const limit = round.view.cluster()?.spec.taskHistoryLimit;
  const kept: Task[] = [];
  for (const task of slot.tasks) {
    if (task.desiredState === "remove") remove(round, task);
    else kept.push(task);
  }
  if (limit === undefined || kept.length <= Math.max(limit, 1)) return;
  const last = kept.at(-1);
  const history = kept.filter((task) => task !== last && !wantsToRun(task.desiredState) && isFinished(task));
  if (last !== undefined && !isUp(last)) history.pop();
  for (const task of history.slice(0, kept.length - limit)) remove(round, task);
}

/** Lets go of all tasks of a slot that is not needed any more; true once only records that go now are left. */
export function clear(round: Round, slot: Slot): boolean {
  let isEmpty = true;
  for (const task of slot.tasks) {
    round.setDesired(task, "remove");
    if (!remove(round, task)) isEmpty = false;
  }
  return isEmpty;
}

/**
 * Removes a record when nothing can be running for it, and says whether it did. A task that was made for a node which
 * was never told of it is closed first: nobody else reports on it.
 */
function remove(round: Round, task: Task): boolean {
  const { nodeId } = task;
  const node = nodeId === undefined ? undefined : round.view.node(nodeId);
  if (isTerminal(task.status.state) || node === undefined) {
    round.removeTask(task);
    return true;
  }
  if (isFinished(task)) {
    const status = { state: "shutdown", at: round.now, message: "never started" } as const;
    round.push({ kind: "reportTasks", nodeId: node.id, statuses: [{ id: task.id, status }] });
  }
  return false;
}
