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

/** Places in the orders above: these questions are asked for every task, so nothing is searched for. */
const RANK: ReadonlyMap<TaskState, number> = new Map(TASK_STATES.map((state, at) => [state, at]));
const DESIRED_RANK: ReadonlyMap<DesiredState, number> = new Map(DESIRED_STATES.map((state, at) => [state, at]));
const TERMINAL: ReadonlySet<TaskState> = new Set(TASK_STATES.slice(TASK_STATES.indexOf("complete")));
const UNASSIGNED: ReadonlySet<TaskState> = new Set(TASK_STATES.slice(0, TASK_STATES.indexOf("assigned")));

/** Whether `a` comes after `b` in a task's life. */
export const isLater = (a: TaskState, b: TaskState): boolean => (RANK.get(a) ?? -1) > (RANK.get(b) ?? -1);

/** Whether a task in this state will never run again. */
export const isTerminal = (state: TaskState): boolean => TERMINAL.has(state);

/** Whether a node was told of a task in this state, so that something of it may be there. */
export const isAssigned = (state: TaskState): boolean => !UNASSIGNED.has(state);

/** Whether desired state `a` is more final than `b`; desired state never goes back. */
export const isDesiredLater = (a: DesiredState, b: DesiredState): boolean =>
  (DESIRED_RANK.get(a) ?? -1) > (DESIRED_RANK.get(b) ?? -1);

/** Whether the manager wants this task to be, or to come up, rather than to go away. */
export const wantsToRun = (desired: DesiredState): boolean =>
  desired === "ready" || desired === "running" || desired === "complete";

/**
 * Whether a task holds its slot: it is wanted and may still run. A slot has at most two such tasks, and two only while
 * one replaces the other: in an update that starts first, or from a node that is left slowly.
 */
export const holdsSlot = (task: {
  readonly desiredState: DesiredState;
  readonly status: { readonly state: TaskState };
}): boolean => wantsToRun(task.desiredState) && !isTerminal(task.status.state);

export const NODE_STATES = ["unknown", "ready", "down", "disconnected"] as const;
export type NodeState = (typeof NODE_STATES)[number];

export const AVAILABILITIES = ["active", "pause", "drain"] as const;
export type Availability = (typeof AVAILABILITIES)[number];
