export type { Decision, ScheduleOptions, Strategy } from "./decision.ts";
export { explain, type Explanation } from "./explain.ts";
export type { NodeLoad } from "./node-load.ts";
export { NodeSet } from "./node-set.ts";
export { PendingTasks } from "./pending-tasks.ts";
export { schedule } from "./schedule.ts";
