import type { Millis } from "@murmur/base";
import type { InternalCommand, Task, TaskId, UserCommand } from "@murmur/model";
import type { QuietSlots } from "./quiet-slots.ts";
import type { Reliefs } from "./reliefs.ts";

/** What a reconciler may use beside the view: everything that would make its answer differ comes in here. */
export interface ReconcileOptions {
  /** The leader's wall clock. It may jump: a deadline is then early or late, never lost. */
  readonly now: Millis;
  /** Mints the ids of new tasks. */
  readonly newTaskId: () => TaskId;
  /**
   * About the most commands to return at once (`COMMANDS_MAX` when left out); what belongs to one slot stays together.
   * When there are more, `wakeAt` is `now`.
   */
  readonly commandsMax?: number;
  /**
   * Sorts tasks of one service so that those come first that are missed least, as whoever places tasks sees it; a group is
   * given up before the next. Left out: the newest come first.
   */
  readonly leastMissed?: (groups: readonly (readonly Task[])[]) => readonly Task[];
  /**
   * An update replaces at least so many slots at once, whatever its parallelism: for whoever only wants to know where it
   * leads, and has not the time for all of its steps.
   */
  readonly atOnceMin?: number;
  /** What the services that are reconciled on the same view have in common; left out: this is the only one. */
  readonly reliefs?: Reliefs;
  /** What former calls found; makes a change in a large service cheap, and no difference else. */
  readonly quiet?: QuietSlots;
}

/** The commands that the orchestrator makes; `rollbackService` is the only one that users have too. */
export type OrchestratorCommand = InternalCommand | Extract<UserCommand, { kind: "rollbackService" }>;

export interface Reconciliation {
  /** To be proposed in this order; may be cut into several batches anywhere. Empty: nothing to do now. */
  readonly commands: readonly OrchestratorCommand[];
  /** When to reconcile again although nothing changed; undefined when only a change can make a difference. */
  readonly wakeAt?: Millis;
  /** About how many tasks were looked at: what the call took. */
  readonly looks: number;
}

export const COMMANDS_MAX = 1_000;
