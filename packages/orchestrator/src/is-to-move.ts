import type { Task } from "@murmur/model";
import type { Round } from "./round.ts";
import { isUp } from "./task-facts.ts";

/** Whether a task is to go on elsewhere, and works until then. Asks for another round when it is to stay after all. */
export function isToMove(round: Round, task: Task): boolean {
  const { move } = task;
  if (move === undefined || round.now >= move.until || !isUp(task)) return false;
  round.wake(move.until);
  return true;
}
