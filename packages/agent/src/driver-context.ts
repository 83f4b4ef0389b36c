import type { Clock, Log, Random, Scope } from "@murmur/base";
import type { TaskId, TaskStatus } from "@murmur/model";
import type { Payloads } from "./payloads.ts";
import type { NodeContext, Runtime, TaskFiles, TaskNetworks, Withdrawals } from "./ports.ts";
import type { TemplateNode } from "./render-task.ts";

/** What the drivers of all tasks share. The functions are called synchronously. */
export interface DriverContext {
  readonly engine: Runtime;
  readonly withdrawals: Withdrawals;
  /** Undefined: the engine's own network is enough. */
  readonly networks: TaskNetworks | undefined;
  /** Undefined: this node can't have secrets and configs. */
  readonly files: TaskFiles | undefined;
  readonly payloads: Payloads;
  /** What templates may say of this node. */
  readonly templateNode: () => TemplateNode;
  /** Nothing may be left of a task's files: `now` when it is forgotten, `soon` when it has ended. Does not wait. */
  readonly dropFiles: (id: TaskId, when: "now" | "soon") => void;
  readonly node: NodeContext;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly scope: Scope;
  /** While it isn't, nothing is asked of the engine; all drivers are told to look again when it is back. */
  readonly engineReady: () => boolean;
  /** A call wasn't answered. */
  readonly onUnavailable: () => void;
  /** Whether this node is out of the cluster, so that nothing that ends here is waited for. */
  readonly atOnce: () => boolean;
  /** Resolves when it is durable what all tasks' statuses are now; rejects when the disk refuses it. */
  readonly saved: () => Promise<void>;
  readonly onStatus: (id: TaskId, status: TaskStatus) => void;
}
