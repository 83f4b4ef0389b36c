import { assert, ClusterError } from "@murmur/base";
import { LogShape } from "./log-shape.ts";
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
import {
  append,
  compact,
  EMPTY,
  lastOf,
  readerOf,
  recoveredOf,
  withLost,
  type Image,
  type MemorySnapshot,
} from "./memory-image.ts";
import { joined, MemoryReceiver } from "./memory-receiver.ts";

/**
 * A disk in memory, for tests and the simulator. It outlives the storages opened on it, one at a time, and misbehaves on
 * demand: it stalls or fails where `beforeSync` does, forgets at `crash` what was not synced, and loses entries to `damage`.
 */
export class MemoryDisk {
  /** Awaited once for each group of writes before it becomes durable; an error that it throws is the disk's. */
  beforeSync: () => Promise<void>;
  #image = EMPTY;
  #opened: MemoryLogStorage | undefined;

  constructor(beforeSync: () => Promise<void> = async () => {}) {
    this.beforeSync = beforeSync;
  }

  /** Rejects with `in_use` while another storage is open. */
  async open(): Promise<LogStorage> {
    if (this.#opened !== undefined) throw new ClusterError("in_use", "the disk in memory is in use");
    this.#opened = new MemoryLogStorage({
      recovered: recoveredOf(this.#image),
      lost: this.#image.lost,
      openSnapshot: () => this.#image.snapshot,
      sync: () => this.beforeSync(),
      apply: (change) => (this.#image = change(this.#image)),
      onClose: () => (this.#opened = undefined),
    });
    return this.#opened;
  }

  /**
   * The process that has the storage open is gone: its calls never settle. Writes that were not synced are lost, except
   * the first `pendingKept` of them, which reached the disk without anybody knowing.
   */
  crash(options: { readonly pendingKept?: number } = {}): void {
    this.#opened?.crash(options.pendingKept ?? 0);
    this.#opened = undefined;
  }

  /**
   * Loses entries from an index on, as a bad sector does; seen when the disk is opened next. A log that does not reach
   * its snapshot any more is of no use: the snapshot takes its place.
   */
  damage(fromIndex: number, reason = "injected damage"): void {
    const image = { ...this.#image, lost: Math.max(this.#image.lost, lastOf(this.#image)), reason };
    const snapshotIndex = image.snapshot?.meta.index ?? 0;
    const left =
      fromIndex <= snapshotIndex
        ? { compacted: snapshotIndex, entries: [] }
        : { entries: image.entries.filter((entry) => entry.index < fromIndex) };
    this.#image = withLost({ ...image, ...left });
  }

  /** Loses the snapshot, and with it what the log has after it, unless that is the whole log. */
  damageSnapshot(reason = "injected damage"): void {
    const image = { ...this.#image, snapshot: undefined };
    const lost = Math.max(image.lost, lastOf(image));
    this.#image = image.compacted === 0 ? image : { ...image, compacted: 0, entries: [], lost, reason };
  }
}

interface Connection {
  readonly recovered: Recovered;
  readonly lost: number;
  openSnapshot(): MemorySnapshot | undefined;
  sync(): Promise<void>;
  apply(change: (image: Image) => Image): void;
  onClose(): void;
}

interface Pending {
  readonly change: (image: Image) => Image;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const PENDING_MAX = 16_384;

class MemoryLogStorage implements LogStorage {
  readonly recovered: Recovered;
  readonly #disk: Connection;
  readonly #shape: LogShape;
  #queue: Pending[] = [];
  #pumping: Promise<void> | undefined;
  /** Set once nothing is written any more. */
  #ended: { error: unknown } | "crashed" | undefined;
  #transfer: MemoryReceiver | undefined;
  #writes = 0;
  #syncs = 0;

  constructor(disk: Connection) {
    const { hardState, entries, snapshot } = disk.recovered;
    this.recovered = disk.recovered;
    this.#disk = disk;
    const compacted = (entries[0]?.index ?? (snapshot?.index ?? 0) + 1) - 1;
    this.#shape = new LogShape(hardState, compacted, disk.lost);
    this.#shape.append(entries);
  }

  async write({ hardState, entries = [] }: WriteBatch): Promise<void> {
    this.#refuse();
    if (this.#queue.length >= PENDING_MAX) throw new ClusterError("overloaded", "the disk in memory does not keep up");
    const covered = this.#disk.openSnapshot()?.meta.index ?? 0;
    assert((entries[0]?.index ?? Infinity) > covered, "a write touches what a snapshot covers");
    if (hardState !== undefined) this.#shape.setHardState(hardState);
    this.#shape.append(entries);
    await this.#enqueue((image) => withLost(append({ ...image, hardState: hardState ?? image.hardState }, entries)));
    this.#writes += 1;
  }

  async saveSnapshot(meta: SnapshotMeta, content: AsyncIterable<Uint8Array>): Promise<void> {
    this.#refuseOlder(meta);
    const parts: Uint8Array[] = [];
    for await (const part of content) parts.push(part.slice());
    await this.#publish({ meta, content: joined(parts) });
  }

  async openSnapshot(): Promise<SnapshotReader | undefined> {
    this.#refuse();
    const snapshot = this.#disk.openSnapshot();
    return snapshot && readerOf(snapshot);
  }

  async receiveSnapshot(options: ReceiveOptions): Promise<SnapshotReceiver> {
    this.#refuse();
    this.#refuseOlder(options.meta);
    if (this.#transfer?.continues(options) === true) return this.#transfer;
    await this.#transfer?.abort();
    this.#transfer = new MemoryReceiver(options, (snapshot) => this.#publish(snapshot));
    return this.#transfer;
  }

  async compact(throughIndex: number): Promise<void> {
    this.#refuse();
    if (throughIndex <= this.#shape.compacted) return;
    assert(throughIndex <= (this.#disk.openSnapshot()?.meta.index ?? 0), "compaction ends within the snapshot");
    this.#shape.compact(throughIndex);
    await this.#enqueue((image) => compact(image, throughIndex));
  }

  separate(): number {
    return this.#shape.last;
  }

  async reset(): Promise<void> {
    this.#refuse();
    const { term, votedFor } = this.#shape.hardState;
    const hardState = { term, commit: 0, ...(votedFor !== undefined && { votedFor }) };
    this.#shape.forget();
    this.#shape.setHardState(hardState);
    await this.#transfer?.abort();
    const { lost } = this.#shape;
    await this.#enqueue(() => ({ ...EMPTY, hardState, lost, reason: "the log was longer once" }));
  }

  stats(): StorageStats {
    return {
      firstIndex: this.#shape.compacted + 1,
      lastIndex: this.#shape.last,
      snapshotIndex: this.#disk.openSnapshot()?.meta.index ?? 0,
      writes: this.#writes,
      syncs: this.#syncs,
      syncMsTotal: 0,
      syncMsMax: 0,
      pendingWrites: this.#queue.length,
      pendingBytes: 0,
      logFiles: 0,
    };
  }

  crash(pendingKept: number): void {
    this.#ended = "crashed";
    for (const { change } of this.#queue.splice(0).slice(0, pendingKept)) this.#disk.apply(change);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === "crashed") return;
    await this.#pumping;
    this.#ended = { error: new ClusterError("unavailable", "the storage was closed") };
    this.#disk.onClose();
  }

  async #publish(snapshot: MemorySnapshot): Promise<void> {
    this.#refuse();
    this.#refuseOlder(snapshot.meta);
    const holds = this.#shape.holds(snapshot.meta);
    if (!holds) this.#shape.restartAfter(snapshot.meta.index);
    await this.#enqueue((image) => {
      const { index } = snapshot.meta;
      return withLost(holds ? { ...image, snapshot } : { ...image, snapshot, compacted: index, entries: [] });
    });
  }

  #refuse(): void {
    if (typeof this.#ended === "object") throw this.#ended.error;
  }

  #refuseOlder(meta: SnapshotMeta): void {
    const current = this.#disk.openSnapshot();
    if (current === undefined || meta.index >= current.meta.index) return;
    throw new ClusterError("out_of_date", `a snapshot at ${String(meta.index)} is older than the current one`);
  }

  #enqueue(change: (image: Image) => Image): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#queue.push({ change, resolve, reject }));
    if (this.#ended === undefined) this.#pumping ??= this.#pump();
    return done;
  }

  /** The queue keeps a group until it is synced, so that a crash finds it there. */
  async #pump(): Promise<void> {
    await Promise.resolve();
    while (this.#queue.length > 0 && this.#ended === undefined) {
      const count = this.#queue.length;
      try {
        await this.#disk.sync();
      } catch (cause) {
        const error = new ClusterError("unavailable", "the disk in memory failed", { cause });
        this.#ended ??= { error };
        for (const { reject } of this.#queue.splice(0)) reject(error);
        break;
      }
      if (this.#ended === undefined) this.#settle(count);
    }
    this.#pumping = undefined;
  }

  #settle(count: number): void {
    this.#syncs += 1;
    for (const { change, resolve } of this.#queue.splice(0, count)) {
      this.#disk.apply(change);
      resolve();
    }
  }
}
