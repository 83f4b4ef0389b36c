import { assert, ClusterError } from "@murmur/base";
import { performance } from "node:perf_hooks";
import type { Acknowledged } from "./acknowledged.ts";
import { encodeBatch, entryBytes, type BatchFields } from "./batch-codec.ts";
import { diskError } from "./disk.ts";
import type { StoredEntry } from "./log-storage.ts";
import type { SegmentFile, SegmentFiles } from "./segment-files.ts";

export interface LogWriterLimits {
  /** A log file is ended when the next batch would make it larger. */
  readonly segmentBytes: number;
  /** Waiting writes are joined up to this size; bounds the time that encoding takes on the event loop. */
  readonly groupBytesMax: number;
  /** More than this waiting is refused as `overloaded`. */
  readonly pendingBytesMax: number;
  readonly pendingWritesMax: number;
}

export const DEFAULT_LIMITS: LogWriterLimits = {
  segmentBytes: 8 * 2 ** 20,
  groupBytesMax: 2 * 2 ** 20,
  pendingBytesMax: 64 * 2 ** 20,
  pendingWritesMax: 16_384,
};

/** A log file, and the highest index in it: it can go when all of that is compacted. */
export interface SegmentInfo {
  readonly sequence: number;
  maxIndex: number;
}

export interface LogWriterOptions {
  readonly directory: string;
  readonly files: SegmentFiles;
  readonly acknowledged: Acknowledged;
  readonly limits: LogWriterLimits;
  /** The log's files, oldest first. */
  readonly segments: readonly SegmentInfo[];
  readonly nextSequence: number;
  /** Where to go on in the last file; without it a new one is begun. */
  readonly resumeAt?: number;
}

/** What a batch says of the log as a whole; the writer numbers it. */
export type LogState = Omit<BatchFields, "sequence">;

interface Pending {
  readonly state: LogState;
  readonly entries: readonly StoredEntry[];
  readonly bytes: number;
  /** It begins a file. */
  readonly separate: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface LogWriterStats {
  writes: number;
  syncs: number;
  syncMsTotal: number;
  syncMsMax: number;
}

/**
 * Writes batches to the log, one sync at a time; what arrives during a sync is joined into the next. At most one file
 * operation is in flight, so a stalled disk holds one of libuv's threads. Once an operation fails nothing later is
 * acknowledged: after a failed sync the kernel may have dropped the pages, and a sync that succeeds says nothing of them.
 */
export class LogWriter implements AsyncDisposable {
  readonly #options: LogWriterOptions;
  readonly #segments: SegmentInfo[];
  readonly stats: LogWriterStats = { writes: 0, syncs: 0, syncMsTotal: 0, syncMsMax: 0 };
  #active: { file: SegmentFile; size: number } | undefined;
  #nextSequence: number;
  #queue: Pending[] = [];
  #pendingBytes = 0;
  #pumping: Promise<void> | undefined;
  #failure: Error | undefined;
  #closed = false;
  /** What is taken in next begins a file. */
  #isSeparate = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#segments = [...options.segments];
    this.#nextSequence = options.nextSequence;
  }

  get pendingWrites(): number {
    return this.#queue.length;
  }
  get pendingBytes(): number {
    return this.#pendingBytes;
  }
  get segmentCount(): number {
    return this.#segments.length;
  }

  /** Why a write of these entries would not be taken in now; undefined when it would. */
  refusal(entries: readonly StoredEntry[]): Error | undefined {
    const { directory, limits } = this.#options;
    if (this.#failure !== undefined) return this.#failure;
    if (this.#closed) return this.#closedError();
    const bytes = this.#pendingBytes + bytesOf(entries);
    const full = this.#queue.length >= limits.pendingWritesMax || bytes > limits.pendingBytesMax;
    if (!full || this.#queue.length === 0) return undefined;
    return new ClusterError("overloaded", `the disk of ${directory} does not keep up; try again later`);
  }

  /** Resolves when the batch is durable. Takes it in whatever waits: ask for a `refusal` first. */
  append(state: LogState, entries: readonly StoredEntry[]): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closedError());
    const written = new Promise<void>((resolve, reject) => {
      const bytes = bytesOf(entries);
      this.#queue.push({ state, entries, bytes, separate: this.#isSeparate, resolve, reject });
      this.#isSeparate = false;
      this.#pendingBytes += bytes;
    });
    this.#pumping ??= this.#pump();
    return written;
  }

  /** What is taken in from now on begins a new file. */
  separate(): void {
    this.#isSeparate = true;
  }

  /** Removes the log files that hold nothing but entries up to this index. */
  async removeThrough(index: number): Promise<void> {
    const keep = this.#segments.findIndex((segment) => segment.maxIndex > index);
    const count = keep < 0 ? this.#segments.length - 1 : Math.min(keep, this.#segments.length - 1);
    const removed = this.#segments.splice(0, Math.max(0, count));
    try {
      await this.#options.files.remove(removed.map((segment) => segment.sequence));
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Waits for what was taken in, then closes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#pumping;
    await this.#options.files.close();
    await this.#active?.file.close();
    this.#active = undefined;
  }

  async #pump(): Promise<void> {
    // Writes of the same turn go together; and `#pumping` is set before this function can end.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#takeGroup();
      try {
        if (this.#failure !== undefined) throw this.#failure;
        const header = await this.#writeGroup(group);
        for (const { resolve } of group) resolve();
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#queue.length === 0) await this.#options.acknowledged.write(header);
      } catch (error) {
        const failure = this.#fail(error);
        for (const { reject } of group) reject(failure);
      }
    }
    this.#pumping = undefined;
  }

  #closedError(): ClusterError {
    return new ClusterError("unavailable", `the log in ${this.#options.directory} was closed`);
  }

  #fail(error: unknown): Error {
    this.#failure ??= diskError(this.#options.directory, error);
    return this.#failure;
  }

  #takeGroup(): Pending[] {
    let bytes = 0;
    let count = 0;
    for (const pending of this.#queue) {
      if (count > 0 && (pending.separate || bytes + pending.bytes > this.#options.limits.groupBytesMax)) break;
      bytes += pending.bytes;
      count += 1;
    }
    this.#pendingBytes -= bytes;
    return this.#queue.splice(0, count);
  }

  /** Writes and syncs one batch for all of them; returns its header. */
  async #writeGroup(group: readonly Pending[]): Promise<Uint8Array> {
    const state = group.at(-1)?.state;
    assert(state !== undefined, "a group has writes");
    const entries = joinEntries(group, state.last);
    const fields = { ...state, sequence: this.#nextSequence };
    const bytes = encodeBatch(fields, entries);
    const active = await this.#segmentFor(bytes.length, group[0]?.separate === true);
    const start = performance.now();
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await active.file.write(bytes, at, bytes.length - at, active.size + at);
      at += bytesWritten;
    }
    await active.file.datasync();
    const elapsed = performance.now() - start;
    this.stats.writes += group.length;
    this.stats.syncs += 1;
    this.stats.syncMsTotal += elapsed;
    this.stats.syncMsMax = Math.max(this.stats.syncMsMax, elapsed);
    active.size += bytes.length;
    this.#nextSequence += 1;
    const segment = this.#segments.at(-1);
    if (segment !== undefined) segment.maxIndex = Math.max(segment.maxIndex, entries.at(-1)?.index ?? 0);
    return bytes.subarray(0, bytes.length - bytesOf(entries));
  }

  async #segmentFor(bytes: number, separate: boolean): Promise<{ file: SegmentFile; size: number }> {
    const { files, limits, resumeAt } = this.#options;
    const last = this.#segments.at(-1);
    if (this.#active === undefined && resumeAt !== undefined && last !== undefined)
      this.#active = { file: await files.reopen(last.sequence), size: resumeAt };
    const isFull = this.#active !== undefined && this.#active.size + bytes > limits.segmentBytes;
    if (this.#active !== undefined && !isFull && !separate) return this.#active;
    await this.#active?.file.close();
    this.#active = undefined;
    this.#active = { file: await files.create(this.#nextSequence), size: 0 };
    this.#segments.push({ sequence: this.#nextSequence, maxIndex: 0 });
    return this.#active;
  }
}

const bytesOf = (entries: readonly StoredEntry[]): number => entries.reduce((sum, entry) => sum + entryBytes(entry), 0);

/**
 * The entries that stand after all the writes, ending at `last`. A later write replaces what it overlaps, and all that
 * follows; what does not connect lies before a restart of the log, and is gone.
 */
function joinEntries(group: readonly Pending[], last: number): StoredEntry[] {
  const joined: StoredEntry[] = [];
  for (const { entries } of group) {
    const first = entries[0]?.index;
    if (first === undefined) continue;
    while ((joined.at(-1)?.index ?? 0) >= first) joined.pop();
    if (joined.at(-1)?.index !== first - 1) joined.length = 0;
    for (const entry of entries) joined.push(entry);
  }
  while ((joined.at(-1)?.index ?? 0) > last) joined.pop();
  return joined.at(-1)?.index === last ? joined : [];
}
