import { ClusterError } from "@murmur/base";
import type { DiskKey } from "./log-cipher.ts";
import type {
  LogStorage,
  ReceiveOptions,
  Recovered,
  SnapshotMeta,
  SnapshotReader,
  SnapshotReceiver,
  StorageStats,
  WriteBatch,
} from "./log-storage.ts";
import { EntrySealer, openEntries } from "./sealed-entry.ts";
import { openContent, sealContent, SealedReceiver } from "./sealed-snapshot.ts";

export { newDiskKey, parseDiskKey, type DiskKey } from "./log-cipher.ts";

/** Asked at each write and at each reading, so that a change holds from the next one on. */
export interface LogKeys {
  /** What is written from now on is sealed with it; undefined: written in clear. */
  readonly sealing: DiskKey | undefined;
  /** All that may open something. */
  readonly opening: readonly DiskKey[];
}

export interface SealedLog extends LogStorage {
  /** Whether the current snapshot was stored in this process, in the form in which things are written now; or there is none. */
  snapshotIsFresh(): boolean;
}

/**
 * A log storage whose entries and snapshots are sealed on the disk beneath it while there is a key to seal with. What was
 * written in another form, or with another key, is read as long as that key is there. Terms, votes, indexes and who the
 * members are stay in clear. Throws `corrupt` when none of the keys opens what the disk holds.
 */
export function sealedLog(inner: LogStorage, keys: () => LogKeys): SealedLog {
  return new SealedLogStorage(inner, keys);
}

class SealedLogStorage implements SealedLog {
  readonly recovered: Recovered;
  readonly #inner: LogStorage;
  readonly #keys: () => LogKeys;
  #sealer: EntrySealer | undefined;
  #transfer: { readonly source: string; readonly receiver: SealedReceiver } | undefined;
  /** What the current snapshot was stored with in this process. */
  #snapshot: { readonly key: DiskKey | undefined } | undefined;
  readonly #hadSnapshot: boolean;

  constructor(inner: LogStorage, keys: () => LogKeys) {
    this.#inner = inner;
    this.#keys = keys;
    const { recovered } = inner;
    this.recovered = { ...recovered, entries: openEntries(recovered.entries, keys().opening) };
    this.#hadSnapshot = recovered.snapshot !== undefined;
  }

  write(batch: WriteBatch): Promise<void> {
    const { sealing } = this.#keys();
    if (batch.entries === undefined || sealing === undefined) return this.#inner.write(batch);
    if (this.#sealer?.key !== sealing) this.#sealer = new EntrySealer(sealing);
    const sealer = this.#sealer;
    return this.#inner.write({ ...batch, entries: batch.entries.map((entry) => sealer.seal(entry)) });
  }

  async saveSnapshot(meta: SnapshotMeta, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { sealing: key } = this.#keys();
    await this.#inner.saveSnapshot(meta, key === undefined ? content : sealContent(content, key, meta));
    this.#snapshot = { key };
  }

  async openSnapshot(): Promise<SnapshotReader | undefined> {
    const inner = await this.#inner.openSnapshot();
    if (inner === undefined) return undefined;
    try {
      return (await openContent(inner, this.#keys().opening)).reader;
    } catch (error) {
      await inner[Symbol.asyncDispose]();
      throw error;
    }
  }

  async receiveSnapshot(options: ReceiveOptions): Promise<SnapshotReceiver> {
    const { sealing: key } = this.#keys();
    const earlier = this.#transfer;
    // One that was begun with another key is not resumed.
    const source = `${options.source} ${key === undefined ? "" : "sealed"}`;
    if (earlier !== undefined && earlier.receiver.key !== key) {
      this.#transfer = undefined;
      await earlier.receiver.abort();
    }
    const inner = await this.#inner.receiveSnapshot({ ...options, source });
    if (key === undefined) return this.#noting(inner);
    if (earlier !== undefined && earlier === this.#transfer && earlier.source === source && inner.received > 0)
      return earlier.receiver;
    if (inner.received > 0) {
      await inner.abort();
      return this.receiveSnapshot(options);
    }
    const receiver = new SealedReceiver(inner, key, (commit) => this.#commit(key, commit));
    this.#transfer = { source, receiver };
    return receiver;
  }

  /** A snapshot in a form of before would come after the one by which that is replaced, and its key may be gone. */
  async #commit(key: DiskKey | undefined, commit: () => Promise<void>): Promise<void> {
    if (key !== this.#keys().sealing)
      throw new ClusterError(
        "unavailable",
        "the disk's key has changed while a snapshot came in; it has to come again",
      );
    await commit();
    this.#snapshot = { key };
  }

  /** In clear, too, it is noted what the snapshot was stored with. */
  #noting(inner: SnapshotReceiver): SnapshotReceiver {
    return {
      meta: inner.meta,
      get received() {
        return inner.received;
      },
      append: (offset, bytes) => inner.append(offset, bytes),
      commit: () => this.#commit(undefined, () => inner.commit()),
      abort: () => inner.abort(),
    };
  }

  snapshotIsFresh(): boolean {
    if (this.#snapshot === undefined) return !this.#hadSnapshot;
    return this.#snapshot.key === this.#keys().sealing;
  }

  compact(throughIndex: number): Promise<void> {
    return this.#inner.compact(throughIndex);
  }

  separate(): number {
    return this.#inner.separate();
  }

  reset(): Promise<void> {
    return this.#inner.reset();
  }

  stats(): StorageStats {
    return this.#inner.stats();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}
