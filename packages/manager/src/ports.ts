import type { NodeId } from "@murmur/base";
import type { Index, ReportMessage, Sealed, SessionMessage } from "@murmur/model";

/** One record of the replicated log, as it is stored. */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  readonly kind: string;
  readonly data: Uint8Array;
}

/** What raft must remember whatever happens. */
export interface StoredHardState {
  readonly term: number;
  readonly votedFor?: string;
  readonly commit: number;
}

export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
  /** Raft's membership at `index`, encoded by raft. */
  readonly membership: Uint8Array;
}

/** A snapshot that is being read; it stays readable until it is disposed of. */
export interface SnapshotReader extends AsyncDisposable {
  readonly meta: SnapshotMeta;
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A snapshot that is arriving in chunks; becomes the current one at `commit`. */
export interface SnapshotReceiver {
  readonly received: number;
  /** False when `offset` is not what has been received so far. */
  append(offset: number, bytes: Uint8Array): Promise<boolean>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** Durable storage of the log, the vote and the snapshots. What a resolved promise says is on the disk. */
export interface LogStorage {
  readonly recovered: {
    readonly hardState: StoredHardState;
    readonly snapshot?: SnapshotMeta;
    readonly entries: readonly LogEntry[];
    /** Entries that were durable once and are lost: until the log reaches `lastIndex` again this node does not vote. */
    readonly damage?: { readonly fromIndex: number; readonly lastIndex: number; readonly reason: string };
  };
  /** Calls take effect in order; entries replace any conflicting ones from the first one's index on. */
  write(batch: { readonly hardState?: StoredHardState; readonly entries?: readonly LogEntry[] }): Promise<void>;
  /** A chunk is valid until the next is asked for: what is kept of it is copied. */
  saveSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  openSnapshot(): Promise<SnapshotReader | undefined>;
  receiveSnapshot(options: { readonly meta: SnapshotMeta; readonly source: string }): Promise<SnapshotReceiver>;
  compact(throughIndex: number): Promise<void>;
}

interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** What the managers need of the peers' transport. */
export interface Peers {
  /** Best effort, never blocks; false when it was dropped at once. */
  send(to: NodeId, channel: string, message: unknown): boolean;
  onMessage(channel: string, handler: (from: NodeId, message: unknown) => void): Disposable;
  call(to: NodeId, method: string, body: unknown, options?: CallOptions): Promise<unknown>;
  handle(
    method: string,
    handler: (from: NodeId, body: unknown, options: { signal: AbortSignal }) => Promise<unknown>,
  ): Disposable;
  /** Calls back when the connection to a peer was lost. */
  onPeerDown(handler: (peer: NodeId) => void): Disposable;
}

/** A session of an agent, as its manager sees it. */
export interface SessionChannel {
  readonly nodeId: NodeId;
  /** The version of the endpoints that the agent says it has; 0: none. */
  readonly endpoints: Index;
  /** Resolves when the message has room on its way: a slow agent holds its own session up, nobody else. */
  write(message: SessionMessage): Promise<void>;
  /** The agent's messages; ends when the session is lost. */
  readonly reports: AsyncIterable<ReportMessage>;
  close(): void;
}

/**
 * What gossip says of a node, as this one sees it. `unheard`: nothing yet, which after a start of this node means little.
 */
export type GossipVerdict = "alive" | "dead" | "unheard";

export interface Liveness {
  verdict(id: NodeId): GossipVerdict;
}

/** The keys of secrets, as far as their rotation goes. */
export interface SealKeys {
  /** Whether a manager has a key on its disk. Rejects when it doesn't say. */
  has(manager: NodeId, digest: string, signal: AbortSignal): Promise<boolean>;
  /** What is sealed, sealed with the key that the cluster wants; undefined while no key here opens it. */
  sealAnew(sealed: Sealed): string | undefined;
}
