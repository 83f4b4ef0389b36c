import type { Millis, NodeId } from "@murmur/base";
import type { LeftVolume, Strategy, TaskId } from "@murmur/model";
import type { NetworkView } from "./free-addresses.ts";

export interface ScheduleOptions {
  /** Says how many addresses the tasks' networks have left. */
  readonly networks: NetworkView;
  /** The leader's wall clock: how recent a failure is. */
  readonly now: Millis;
  /** About how often a node may be looked at: a turn of the event loop has no time for more. No limit when left out. */
  readonly looksMax?: number;
  /** The cluster's, for services that name none; `spread` when left out. */
  readonly strategy?: Strategy;
}

/** What becomes of one pending task. `reason` is one line, in Docker's words where it has them: `no suitable node (…)`. */
export type Decision =
  | {
      readonly taskId: TaskId;
      readonly nodeId: NodeId;
      /** Volumes that it mounts and that are on another node only. */
      readonly leftVolumes?: readonly LeftVolume[];
    }
  | { readonly taskId: TaskId; readonly nodeId?: undefined; readonly reason: string };
