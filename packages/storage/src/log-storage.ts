/**
 * The port: what Raft needs of a disk. Two adapters fulfil it, files (`openLogStorage`) and memory (`MemoryDisk`), and one
 * contract suite is run by both.
 *
 * Errors, all `ClusterError`: `unavailable` when the disk fails or is full (nothing can be written until the storage is
 * opened anew), `corrupt` when what is read fails its checksum, `in_use` when another process has the directory,
 * `overloaded` when more waits to be written than the bound allows.
 */

/** What Raft must remember whatever happens. `term` never goes back. */
export interface HardState {
  readonly term: number;
  /** The node that got this node's vote in `term`. */
  readonly votedFor?: string;
  /** The highest index known to be committed. A lower value than the true one is harmless. */
  readonly commit: number;
}

/** One entry of the log; the storage looks at nothing but `index` and `term`. */
export interface StoredEntry {
  readonly index: number;
  readonly term: number;
  /** At most 255 bytes of UTF-8. */
  readonly kind: string;
  readonly data: Uint8Array;
}

/** Which state a snapshot holds: all entries up to and including `index`, and who the members were then. */
export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
  /** Opaque to the storage; at most 1 MiB. */
  readonly membership: Uint8Array;
}

/**
 * Entries that were durable, perhaps acknowledged, and cannot be read any more, or were wiped by `reset`. Until the log reaches `lastIndex` again
 * this node must not help elect a leader that lacks them: it neither votes nor stands. Reported at each start until then.
 */
export interface Damage {
  /** The first index that is lost; the recovered entries end right before it. */
  readonly fromIndex: number;
  /** The last index that is known to have been in the log. */
  readonly lastIndex: number;
  readonly reason: string;
}

/** What the disk held at start. */
export interface Recovered {
  readonly hardState: HardState;
  readonly snapshot?: SnapshotMeta;
  /**
   * Contiguous. They may start before the snapshot's index (kept for slow followers), and never start later than right
   * after it. A write that was cut off before it was acknowledged is absent, and no damage.
   */
  readonly entries: readonly StoredEntry[];
  readonly damage?: Damage;
}

export interface WriteBatch {
  readonly hardState?: HardState;
  /** Contiguous. Whatever the log holds at and after the first one's index is replaced. */
  readonly entries?: readonly StoredEntry[];
}

/** A finished snapshot that stays readable until it is disposed of, also when a newer one takes its place meanwhile. */
export interface SnapshotReader extends AsyncDisposable {
  readonly meta: SnapshotMeta;
  /** Bytes of content. */
  readonly size: number;
  /** The bytes from `offset`, fewer than `length` only at the end. Rejects with `corrupt` rather than return wrong bytes. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface ReceiveOptions {
  readonly meta: SnapshotMeta;
  /** Names the exact bytes (say, the sender's id and the size): a transfer is only resumed from the same source. */
  readonly source: string;
}

/** A snapshot that arrives in pieces. */
export interface SnapshotReceiver {
  readonly meta: SnapshotMeta;
  /** Bytes taken in so far: where the sender goes on. Above zero at first when an earlier transfer is resumed. */
  readonly received: number;
  /** Takes the next bytes. False, with nothing taken, when `offset` is not `received`: ask for `received` again. */
  append(offset: number, bytes: Uint8Array): Promise<boolean>;
  /**
   * Makes it the current snapshot, durably, and applies Raft's rule to the log: entries after it stay if the log holds
   * its last entry with the same term, else the whole log is discarded and goes on at `meta.index + 1`. Write nothing
   * else until this has resolved.
   */
  commit(): Promise<void>;
  /** Forgets it. */
  abort(): Promise<void>;
}

export interface StorageStats {
  /** The log holds the entries from `firstIndex` to `lastIndex`; none when `lastIndex` is smaller. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly snapshotIndex: number;
  /** Calls of `write` that were acknowledged, and syncs that it took: fewer, since waiting writes share one. */
  readonly writes: number;
  readonly syncs: number;
  readonly syncMsTotal: number;
  readonly syncMsMax: number;
  readonly pendingWrites: number;
  readonly pendingBytes: number;
  readonly logFiles: number;
}

export interface LogStorage extends AsyncDisposable {
  readonly recovered: Recovered;
  /**
   * Resolves when the batch is durable. Calls may be pipelined: they become durable in their order, those that wait
   * share one sync. After one has failed all later ones fail, because nothing is known about what the disk holds.
   * `overloaded` is the exception: nothing was taken, and the same batch can be given again before any later one.
   */
  write(batch: WriteBatch): Promise<void>;
  /** Writes a snapshot of the own state piece by piece; it becomes current when all of it is durable. One at a time. */
  saveSnapshot(meta: SnapshotMeta, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** The current snapshot. */
  openSnapshot(): Promise<SnapshotReader | undefined>;
  /** Starts, or resumes, taking in a snapshot. Another unfinished one is forgotten. */
  receiveSnapshot(options: ReceiveOptions): Promise<SnapshotReceiver>;
  /** Drops the entries up to and including `throughIndex`, which a snapshot must cover. */
  compact(throughIndex: number): Promise<void>;
  /**
   * Writes later entries apart from all before, so that once these are compacted nothing of them is left on the disk.
   * Returns the last index written so far. A memory has nothing to keep apart.
   */
  separate(): number;
  /**
   * Wipes log and snapshots. Term and vote stay: a node that forgot its vote could vote twice in one term. How far the log
   * reached stays too, and is reported as damage until it reaches there again: managers who never heard that this node
   * was taken out still count its vote, and it must not help them to elect one who lacks what it had acknowledged.
   */
  reset(): Promise<void>;
  stats(): StorageStats;
}
