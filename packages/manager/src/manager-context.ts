import type { Command } from "@murmur/model";
import type { Raft } from "@murmur/raft";
import type { ApplyResult } from "@murmur/store";
import type { Dispatcher } from "./dispatcher.ts";
import type { ManagerOptions } from "./manager-options.ts";
import type { RaftDriver } from "./raft-driver.ts";
import type { Replica } from "./replica.ts";

/** What the parts of a manager share. */
export interface ManagerContext extends ManagerOptions {
  readonly raft: Raft;
  readonly replica: Replica;
  readonly driver: RaftDriver;
  readonly dispatcher: Dispatcher;
  /** Resolves with what became of each command. */
  submitInternal(commands: readonly Command[], signal: AbortSignal): Promise<readonly ApplyResult[]>;
}
