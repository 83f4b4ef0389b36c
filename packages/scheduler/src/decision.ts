import type { Millis, NodeId } from "@murmur/base";
import type { TaskId } from "@murmur/model";
import type { NetworkView } from "./free-addresses.ts";

/** `spread` evens a service and then the load out over the nodes; `binpack` fills nodes up, to keep others empty. */
export type Strategy = "spread" | "binpack";

export interface ScheduleOptions {
  /** Says how many addresses the tasks' networks have left. */
  readonly networks: NetworkView;
  /** The leader's wall clock: how recent a failure is. */
  readonly now: Millis;
  /** `spread` when left out. */
  readonly strategy?: Strategy;
}

/** What becomes of one pending task. `reason` is one line, in Docker's words where it has them: `no suitable node (…)`. */
export type Decision =
  | { readonly taskId: TaskId; readonly nodeId: NodeId }
  | { readonly taskId: TaskId; readonly nodeId?: undefined; readonly reason: string };
