import { letGo } from "./reaper.ts";
import type { Round } from "./round.ts";

/** A service that the user removed: all its tasks stop and go, then the service's record. */
export function reconcileRemoval(round: Round): void {
  const { view, service } = round;
  let left = 0;
  for (const task of view.tasksOfService(service.id)) {
    if (round.full) return;
    if (!letGo(round, task)) left += 1;
  }
  if (left === 0) round.push({ kind: "finishRemoveService", id: service.id });
}
