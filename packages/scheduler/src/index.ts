export type { Decision, ScheduleOptions } from "./decision.ts";
export { explain, type Explanation } from "./explain.ts";
export { leastMissed, type LeastMissedOptions } from "./least-missed.ts";
export type { NodeLoad } from "./node-load.ts";
export { NodeSet } from "./node-set.ts";
export { PendingTasks } from "./pending-tasks.ts";
export { rebalance, type Move, type RebalanceOptions } from "./rebalance.ts";
export { schedule } from "./schedule.ts";
