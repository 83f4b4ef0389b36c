import type { Millis } from "@murmur/base";
import { DEFAULT_STOP_GRACE_MS, type Task } from "@murmur/model";
import { restartOf } from "./restart.ts";
import type { Round } from "./round.ts";
import type { Occupied, Slot } from "./standing.ts";
import { isStopped } from "./task-facts.ts";
import { isLost } from "./verdict.ts";

/** Beyond its grace period, how long a replacement waits for a task that does not stop; as in SwarmKit. */
export const STOP_WAIT_MS: Millis = 60_000;

/** Does what a slot needs by itself: replaces, promotes, and shuts down what is too much. */
export function settle(round: Round, standing: Occupied): void {
  switch (standing.kind) {
    case "held":
      shutDown(round, standing.surplus);
      if (standing.task.desiredState === "ready") promote(round, standing.task, standing);
      return;
    case "broken":
      replaceBroken(round, standing);
      return;
    case "spent":
      shutDown(round, standing.surplus);
      return;
  }
}

export function shutDown(round: Round, tasks: readonly Task[]): void {
  for (const task of tasks) round.setDesired(task, "shutdown");
}

/**
 * A replacement is made before the old task is let go, so that a batch cut in two never loses what the restart policy
 * says; it is held back (`ready`), so that the slot never has two tasks that are to run. A replacement that need not
 * wait is made to run at once, after the old one was let go.
 */
function replaceBroken(round: Round, standing: Extract<Occupied, { kind: "broken" }>): void {
  const { slot, task, cause, surplus, old } = standing;
  if (cause === "ended") {
    // One that failed while it was held back (an image that is not there) uses its delay up before the next is tried.
    const heldUntil = task.notBefore ?? 0;
    if (round.now < heldUntil) {
      round.wake(heldUntil);
      return;
    }
    const restart = restartOf(round, slot.key, task);
    shutDown(
      round,
      surplus.filter((other) => other !== task),
    );
    round.createTask(slot.key, { desired: "ready", notBefore: restart.at });
    shutDown(round, [task]);
    round.push({ kind: "recordRestart", history: restart.history });
    round.wake(restart.at);
    return;
  }
  shutDown(round, surplus);
  fill(round, slot, old);
}

/** Makes a task in a slot that has none, held back while an earlier one still stops. `beside` may go on meanwhile. */
export function fill(round: Round, slot: Slot, beside?: Task): void {
  const blocked = slot.tasks.some((task) => task !== beside && blocks(round, task));
  round.createTask(slot.key, { desired: blocked ? "ready" : round.runState });
}

/** Whether something of a task still runs, on a node that can stop it. */
const blocks = (round: Round, task: Task): boolean => !isStopped(task) && !isLost(round, task);

/** Lets a task run that was held back, once its time has come and what was in the slot before has stopped. */
function promote(round: Round, task: Task, standing: { slot: Slot; old?: Task }): void {
  const notBefore = task.notBefore ?? 0;
  if (round.now < notBefore) {
    round.wake(notBefore);
    return;
  }
  const blocking = standing.slot.tasks.filter(
    (other) => other !== task && other !== standing.old && blocks(round, other),
  );
  const grace = Math.max(
    0,
    ...blocking.map((other) => other.spec.container.stopGracePeriodMs ?? DEFAULT_STOP_GRACE_MS),
  );
  const deadline = task.createdAt + grace + STOP_WAIT_MS;
  if (blocking.length > 0 && round.now < deadline) {
    round.wake(deadline);
    return;
  }
  round.setDesired(task, round.runState);
}
