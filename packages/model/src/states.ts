/**
 * What a task was observed to be, in the order in which it advances. Observed state only moves forward; everything from
 * `complete` on is terminal.
 */
export const TASK_STATES = [
  "new",
  "pending",
  "assigned",
  "accepted",
  "preparing",
  "ready",
  "starting",
  "running",
  "complete",
  "shutdown",
  "failed",
  "rejected",
  "orphaned",
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/**
 * What the manager wants of a task. `ready` holds a replacement (created, not started) until its predecessor has
 * stopped; `shutdown` stops it and keeps its record; `remove` stops it and removes container and record.
 */
export const DESIRED_STATES = ["ready", "running", "complete", "shutdown", "remove"] as const;
export type DesiredState = (typeof DESIRED_STATES)[number];

/** Whether `a` comes after `b` in a task's life. */
export const isLater = (a: TaskState, b: TaskState): boolean => TASK_STATES.indexOf(a) > TASK_STATES.indexOf(b);

/** Whether a task in this state will never run again. */
export const isTerminal = (state: TaskState): boolean => TASK_STATES.indexOf(state) >= TASK_STATES.indexOf("complete");

/** Whether desired state `a` is at least as final as `b`; desired state never goes back. */
export const isDesiredLater = (a: DesiredState, b: DesiredState): boolean =>
  DESIRED_STATES.indexOf(a) > DESIRED_STATES.indexOf(b);

/** Whether the manager wants this task to be, or to come up, rather than to go away. */
export const wantsToRun = (desired: DesiredState): boolean =>
  desired === "ready" || desired === "running" || desired === "complete";

/**
 * Whether a task holds its slot: it is wanted and may still run. A slot has at most one such task of each version of
 * the service's spec, and two only while an update that starts first replaces one by the other.
 */
export const holdsSlot = (task: {
  readonly desiredState: DesiredState;
  readonly status: { readonly state: TaskState };
}): boolean => wantsToRun(task.desiredState) && !isTerminal(task.status.state);

export const NODE_STATES = ["unknown", "ready", "down", "disconnected"] as const;
export type NodeState = (typeof NODE_STATES)[number];

export const AVAILABILITIES = ["active", "pause", "drain"] as const;
export type Availability = (typeof AVAILABILITIES)[number];
