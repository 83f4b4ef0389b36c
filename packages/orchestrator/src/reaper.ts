import { wantsToRun, type Task } from "@murmur/model";
import type { Round } from "./round.ts";
import type { Slot } from "./standing.ts";
import { isFinished, isStopped, isUp } from "./task-facts.ts";

/**
 * Removes the records of old tasks of a slot, oldest first, until no more than the history limit remain, the present
 * task counted, as in Docker. Kept in any case: the slot's last task, and the one before it until its replacement is
 * up, because decisions and people read there how it ended.
 */
export function reap(round: Round, slot: Slot): void {
  if (slot.tasks.length < 2 && slot.tasks[0]?.desiredState !== "remove") return;
  const limit = round.view.cluster()?.spec.taskHistoryLimit;
  const kept: Task[] = [];
  for (const task of slot.tasks) {
    if (task.desiredState === "remove") letGo(round, task);
    else kept.push(task);
  }
  if (limit === undefined || kept.length <= Math.max(limit, 1)) return;
  const last = kept.at(-1);
  const history = kept.filter((task) => task !== last && !wantsToRun(task.desiredState) && isFinished(task));
  if (last !== undefined && !isUp(last)) history.pop();
  for (const task of history.slice(0, kept.length - limit)) letGo(round, task);
}

/** Lets go of all tasks of a slot that is not needed any more. */
export function clear(round: Round, slot: Slot): void {
  for (const task of slot.tasks) letGo(round, task);
}

/**
 * Stops a task and removes its record, and says whether the record goes now: not while its node has something to stop.
 * A node that is down is not waited for; when it comes back, its agent removes the containers that no assignment names.
 */
export function letGo(round: Round, task: Task): boolean {
  const node = task.nodeId === undefined ? undefined : round.view.node(task.nodeId);
  if (node !== undefined && !isStopped(task)) {
    round.setDesired(task, "remove");
    if (node.status.state !== "down") return false;
  }
  round.removeTask(task);
  return true;
}
