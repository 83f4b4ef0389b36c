import type { Clock, Log, NodeId, Random } from "@murmur/base";
import type { Command, NamedGossipKey, Sealed } from "@murmur/model";
import type { RaftConfig } from "@murmur/raft";
import type { Liveness, LogStorage, Peers, SealKeys } from "./ports.ts";
import type { SnapshotLimits } from "./snapshotter.ts";

export interface ManagerOptions {
  readonly self: NodeId;
  readonly storage: LogStorage;
  readonly peers: Peers;
  readonly liveness: Liveness;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Mints ids of tasks and requests: 25 characters of base 36. */
  readonly newId: () => string;
  /** A new key for gossip; left out: users alone have it replaced. */
  readonly newGossipKey?: () => NamedGossipKey;
  /** Left out: the key of secrets is never replaced. */
  readonly sealKeys?: SealKeys;
  /** Opens a secret for the agents whose tasks use it, in base64; undefined: this node has no key for it (yet). */
  readonly unseal: (secret: Sealed) => string | undefined;
  /** Whether that node has all keys of secrets that this one has, on its disk. Rejects when it doesn't say. */
  readonly hasKeys: (id: NodeId, signal: AbortSignal) => Promise<boolean>;
  /**
   * Set to start with this node as the only voter, which submits these commands first. The storage must be empty, or,
   * if `prepared`, hold what `writeFirstSnapshot` wrote.
   */
  readonly bootstrap?: { readonly commands: readonly Command[]; readonly prepared?: boolean };
  /** The storage failed or an invariant broke: the manager must be closed, and may be started anew. */
  readonly onFatal: (error: unknown) => void;
  /** Called when leader, term or membership have changed. */
  readonly onChange?: () => void;
  readonly raftConfig?: Partial<RaftConfig>;
  /** How long the log may become. Default: `DEFAULT_SNAPSHOT_LIMITS`. */
  readonly snapshotLimits?: SnapshotLimits;
}
