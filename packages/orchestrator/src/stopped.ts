import { wantsToRun } from "@murmur/model";
import { reap } from "./reaper.ts";
import type { Round } from "./round.ts";
import { shutDown } from "./settle.ts";
import { slotsOf } from "./standing.ts";

/** A service that the user stopped: nothing of it runs, and its slots keep their history for when it is started again. */
export function reconcileStopped(round: Round): void {
  for (const slot of slotsOf(round)) {
    if (round.full) return;
    shutDown(
      round,
      slot.tasks.filter((task) => wantsToRun(task.desiredState)),
    );
    reap(round, slot);
  }
}
