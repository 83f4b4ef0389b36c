import type { Task } from "@murmur/model";
import { isToMove } from "./is-to-move.ts";
import type { Round } from "./round.ts";
import { fill } from "./settle.ts";
import type { Occupied } from "./standing.ts";
import { endedByItself } from "./task-facts.ts";

/** Tasks of one service that are moved at the same time. */
export const MOVES_AT_ONCE = 2;

/**
 * Makes replacements for tasks that are to move, a few at a time; from then on their slots are as those on a node that is
 * left slowly. One whose replacement has failed stays where it is. Says which slots it has taken up.
 */
export function beginMoves(round: Round, slots: readonly Occupied[]): ReadonlySet<Occupied> {
  if (!slots.some(({ task, old }) => task.move !== undefined || old?.move !== undefined)) return NONE;
  const begun = new Set<Occupied>();
  let room = MOVES_AT_ONCE - slots.filter(({ old }) => old !== undefined && isToMove(round, old)).length;
  for (const standing of slots) {
    if (room <= 0 || round.full) break;
    if (standing.kind !== "held" || !standing.current || standing.surplus.length > 0) continue;
    const { slot, task } = standing;
    if (!isToMove(round, task) || slot.tasks.some((other) => hasFailedFor(task, other))) continue;
    fill(round, slot, task);
    begun.add(standing);
    room -= 1;
  }
  return begun;
}

const NONE: ReadonlySet<Occupied> = new Set();

const hasFailedFor = (task: Task, other: Task): boolean =>
  endedByItself(other) && other.createdAt >= (task.move?.since ?? Infinity);
