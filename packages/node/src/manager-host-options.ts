import type { Clock, Log, NodeId, Random } from "@murmur/base";
import type { Liveness, ManagerOptions, PositionedState, SnapshotLimits } from "@murmur/manager";
import type { ClusterFacts, Command, Sealed } from "@murmur/model";
import type { LogStorage } from "@murmur/storage";
import type { PeerTransport } from "@murmur/transport";
import type { GenerationKeeper } from "./generation-keeper.ts";

/** How a manager begins that is the first one, of a cluster or of a generation. */
export interface Bootstrap {
  readonly commands: readonly Command[];
  /** What the cluster knew before; undefined for a new cluster. */
  readonly state?: PositionedState;
}

export interface ManagerHostOptions {
  readonly self: NodeId;
  /** Opens the log of a generation; each has a place of its own. */
  readonly openLog: (generation: number) => Promise<LogStorage>;
  /** Removes the logs of all other generations. */
  readonly keepOnlyLog: (generation: number) => Promise<void>;
  readonly snapshotLimits: SnapshotLimits | undefined;
  readonly generations: GenerationKeeper;
  readonly newId: () => string;
  readonly unseal: (secret: Sealed) => string | undefined;
  /** Whether another manager has all keys of secrets that this one has. */
  readonly hasKeys: (id: NodeId, signal: AbortSignal) => Promise<boolean>;
  readonly sealKeys: NonNullable<ManagerOptions["sealKeys"]>;
  /** This node has a manager from now on, or has certainly none any more. */
  readonly onManager: (isOne: boolean) => void;
  /** This node has no log: it is no manager, or none any more. No log is opened before it resolves; never rejects. */
  readonly onWiped: () => Promise<void>;
  readonly transport: PeerTransport;
  readonly liveness: Liveness;
  readonly facts: () => ClusterFacts | undefined;
  /** Nodes that are, or were, managers. */
  readonly others: () => readonly NodeId[];
  /** Asks the other managers whether this node is one. */
  readonly isManager: (signal: AbortSignal) => Promise<boolean>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onFatal: (error: unknown) => void;
}
