import { wantsToRun, type Task } from "@murmur/model";
import type { Round } from "./round.ts";
import type { Slot } from "./standing.ts";
import { isFinished, isUp } from "./task-facts.ts";
import { isLost } from "./verdict.ts";

/**
 * Removes the records of old tasks of a slot, oldest first, until no more than the history limit remain, the present
 * task counted, as in Docker; a negative limit keeps all. Kept in any case: the slot's last task, and the one before it
 * until its replacement is up, because decisions and people read there how it ended.
 */
export function reap(round: Round, slot: Slot): void {
  const limit = round.view.cluster()?.spec.taskHistoryLimit ?? -1;
  removeGone(round, slot.tasks);
  if (limit < 0 || slot.tasks.length <= Math.max(limit, 1)) return;
  const kept = slot.tasks.filter((task) => task.desiredState !== "remove");
  const last = kept.at(-1);
  const history = kept.filter((task) => task !== last && !wantsToRun(task.desiredState) && isFinished(task));
  if (last !== undefined && !isUp(last)) history.pop();
  const excess = Math.min(kept.length - limit, history.length);
  for (const task of history.slice(0, Math.max(0, excess))) round.removeTask(task);
}

/** Lets go of all tasks of a slot that is not needed any more; true once only records that go now are left. */
export function clear(round: Round, slot: Slot): boolean {
  let left = 0;
  for (const task of slot.tasks) {
    if (isRemovable(round, task)) round.removeTask(task);
    else {
      round.setDesired(task, "remove");
      left += 1;
    }
  }
  return left === 0;
}

/** Removes the records of tasks that had to go and have gone. */
function removeGone(round: Round, tasks: readonly Task[]): void {
  for (const task of tasks) if (task.desiredState === "remove" && isRemovable(round, task)) round.removeTask(task);
}

/**
 * A record may go when nothing of its task is left, or when nobody can say whether there is: a node that comes back
 * removes the containers that it was not told of.
 */
const isRemovable = (round: Round, task: Task): boolean => isFinished(task) || isLost(round, task);
