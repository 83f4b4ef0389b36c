import type { Scope } from "@murmur/base";
import type { SimulatedRuntime } from "@murmur/agent";
import type { Member } from "@murmur/node";
import type { MemoryLogs } from "./memory-logs.ts";
import type { MemoryState } from "./memory-state.ts";
import type { RecordingPlane } from "./recording-plane.ts";

/** A node of the world: what outlives its process, and the process while there is one. */
export interface Host {
  readonly name: string;
  /** Where peers reach it; a host that doesn't run may come back at another one. */
  address: string;
  /** Where its daemon is told that nodes of the cluster are. */
  peers: readonly string[];
  disk: MemoryLogs;
  readonly state: MemoryState;
  readonly engine: SimulatedRuntime;
  process: { readonly member: Member; readonly scope: Scope; readonly plane: RecordingPlane } | undefined;
}
