import { clear } from "./reaper.ts";
import type { Round } from "./round.ts";
import { slotOf } from "@murmur/store";

/** A service that the user removed: all its tasks stop and go, then the service's record. */
export function reconcileRemoval(round: Round): void {
  const { view, service } = round;
  const tasks = view.tasksOfService(service.id);
  let left = 0;
  for (const task of tasks) {
    if (round.full) return;
    if (!clear(round, { key: slotOf(task) ?? 0, tasks: [task] })) left += 1;
  }
  if (left === 0) round.push({ kind: "finishRemoveService", id: service.id });
}
