import type { Clock, Log, Random, Scope } from "@murmur/base";
import type { TaskId, TaskStatus } from "@murmur/model";
import type { NodeContext, Runtime, TaskNetworks, Withdrawals } from "./ports.ts";

/** What the drivers of all tasks share. The functions are called synchronously. */
export interface DriverContext {
  readonly engine: Runtime;
  readonly withdrawals: Withdrawals;
  /** Undefined: the engine's own network is enough. */
  readonly networks: TaskNetworks | undefined;
  readonly node: NodeContext;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly scope: Scope;
  /** While it isn't, nothing is asked of the engine; all drivers are told to look again when it is back. */
  readonly engineReady: () => boolean;
  /** A call wasn't answered. */
  readonly onUnavailable: () => void;
  readonly onStatus: (id: TaskId, status: TaskStatus) => void;
}
