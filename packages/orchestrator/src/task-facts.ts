import type { Millis } from "@murmur/base";
import { isAssigned, isTerminal, wantsToRun, type Task } from "@murmur/model";

/** Whether nothing of a task runs right now. */
export const isStopped = (task: Task): boolean => isTerminal(task.status.state) || !isAssigned(task.status.state);

/** Whether a task will never run again: it has stopped, or it is not wanted and no node was ever told of it. */
export const isFinished = (task: Task): boolean =>
  isTerminal(task.status.state) || (!isAssigned(task.status.state) && !wantsToRun(task.desiredState));

/** Whether a task ended by itself, as against one that was stopped or lost. */
export const endedByItself = ({ status }: Task): boolean =>
  status.state === "complete" || status.state === "failed" || status.state === "rejected";

/** Whether a task does its work: it runs, and its health check, if it has one, says so. */
export const isUp = ({ status }: Task): boolean =>
  status.state === "running" && status.health !== "starting" && status.health !== "unhealthy";

/**
 * When the task's present status was observed, in the managers' time. An agent's clock may be off, so its time stamp
 * counts only as far as it lies between what the managers know: the task's creation and its last change.
 */
export const observedAt = (task: Task): Millis =>
  Math.min(Math.max(task.status.at, task.createdAt), Math.max(task.updatedAt, task.createdAt));

/** When a task ended; never before the moment that it had to wait for, if it failed before it. */
export const endedAt = (task: Task): Millis => Math.max(observedAt(task), task.notBefore ?? 0);
