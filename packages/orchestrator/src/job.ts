import type { NodeId } from "@murmur/base";
import type { Round } from "./round.ts";
import { letGo, reap } from "./reaper.ts";
import { fill, settle } from "./settle.ts";
import { slotsOf, standingOf, type Slot } from "./standing.ts";

/**
 * A replicated job: so many slots that each have to complete once, some of them at the same time. A slot whose task
 * failed for good keeps its place: a job that cannot succeed ends, instead of failing without end.
 */
export function reconcileJob(round: Round, mode: { totalCompletions: number; maxConcurrent: number }): void {
  const { totalCompletions } = mode;
  const slots = new Map<number | NodeId, Slot>(slotsOf(round).map((slot) => [slot.key, slot]));
  const free: Slot[] = [];
  let running = 0;
  for (let key = 1; key <= totalCompletions; key += 1) {
    const slot = slots.get(key) ?? { key, tasks: [] };
    const standing = standingOf(round, slot);
    if (standing.kind === "vacant") free.push(slot);
    else {
      if (standing.kind !== "spent") running += 1;
      if (round.full) return;
      settle(round, standing);
      reap(round, slot);
    }
  }
  const maxConcurrent = mode.maxConcurrent > 0 ? mode.maxConcurrent : totalCompletions;
  for (const slot of free.slice(0, Math.max(0, maxConcurrent - running))) {
    if (round.full) return;
    fill(round, slot);
  }
}

/** A job that was updated runs again: what is left of the runs before goes. */
export function dropEarlierRuns(round: Round): void {
  for (const task of round.view.tasksOfService(round.service.id)) {
    if (round.isCurrent(task)) continue;
    if (round.full) return;
    letGo(round, task);
  }
}
