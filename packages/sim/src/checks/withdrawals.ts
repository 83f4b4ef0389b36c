import type { Millis, NodeId } from "@murmur/base";
import type { TaskId } from "@murmur/model";

/** A node asks the others to send no more to a task of its own. */
export interface Withdrawal {
  readonly at: Millis;
  /** The other nodes that it took for alive then. */
  readonly asked: ReadonlySet<NodeId>;
  /** Those of them that have answered, or could not be asked. */
  readonly settled: Set<NodeId>;
}

/** What one life of a node has to do with withdrawals. */
export class Withdrawals {
  /** Those that it has begun. */
  readonly begun = new Map<TaskId, Withdrawal>();
  /** Those that it has acknowledged to others, with the moment. */
  readonly acknowledged = new Map<TaskId, Millis>();
  /** Containers that were sent a signal. */
  readonly signalled = new Set<string>();
}
