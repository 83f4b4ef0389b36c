import { assert, type Log } from "@murmur/base";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { lockDirectory } from "./directory-lock.ts";
import { diskError, privateDirectory, remove, renameDurably, syncDirectory } from "./disk.ts";
import { Epoch } from "./epoch.ts";
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
import { DEFAULT_LIMITS, type LogWriterLimits } from "./log-writer.ts";

export interface LogStorageOptions {
  /** Used by this storage alone; made when it isn't there. */
  readonly directory: string;
  readonly log: Log;
  readonly limits?: Partial<LogWriterLimits>;
}

/**
 * Opens the log storage of a directory and reads what it holds. Rejects with `in_use` when another process has it open,
 * with `unavailable` when the disk fails. Damage is no error: it is reported in `recovered`.
 */
export async function openLogStorage(options: LogStorageOptions): Promise<LogStorage> {
  const { directory, log } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  await privateDirectory(directory);
  await using opening = new AsyncDisposableStack();
  opening.use(await lockDirectory(directory));
  try {
    const number = await currentEpoch(directory);
    const epoch = await Epoch.open({ directory: join(directory, epochName(number)), log, limits });
    return new FileLogStorage({ directory, log, limits, lock: opening.move() }, { number, epoch });
  } catch (error) {
    throw diskError(directory, error);
  }
}

/** Each reset begins a new epoch, in a directory of its own: that is what makes a reset happen in one step. */
const epochName = (number: number): string => `epoch-${String(number).padStart(6, "0")}`;
const EPOCH_PATTERN = /^epoch-(\d{6})$/;

/** The newest epoch, the first one made if there is none. What an interrupted reset left is removed. */
async function currentEpoch(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.startsWith("epoch-"));
  const numbers = names.flatMap((name) => EPOCH_PATTERN.exec(name)?.slice(1).map(Number) ?? []);
  const current = Math.max(0, ...numbers);
  if (numbers.length === 0) {
    await mkdir(join(directory, epochName(current)), { mode: 0o700 });
    await syncDirectory(directory);
  }
  for (const name of names) if (name !== epochName(current)) await remove(join(directory, name));
  return current;
}

interface OpenDirectory {
  readonly directory: string;
  readonly log: Log;
  readonly limits: LogWriterLimits;
  /** Released when the storage is closed. */
  readonly lock: AsyncDisposable;
}

class FileLogStorage implements LogStorage {
  readonly recovered: Recovered;
  readonly #options: OpenDirectory;
  #current: { readonly number: number; readonly epoch: Epoch };
  #resetting = false;

  constructor(options: OpenDirectory, current: { readonly number: number; readonly epoch: Epoch }) {
    this.#options = options;
    this.#current = current;
    this.recovered = current.epoch.recovered;
  }

  write(batch: WriteBatch): Promise<void> {
    return this.#epoch().write(batch);
  }

  saveSnapshot(meta: SnapshotMeta, content: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#epoch().snapshots.save(meta, content);
  }

  openSnapshot(): Promise<SnapshotReader | undefined> {
    return this.#epoch().snapshots.open();
  }

  receiveSnapshot(options: ReceiveOptions): Promise<SnapshotReceiver> {
    return this.#epoch().snapshots.receive(options);
  }

  compact(throughIndex: number): Promise<void> {
    return this.#epoch().compact(throughIndex);
  }

  separate(): number {
    const { writer, shape } = this.#epoch();
    writer.separate();
    return shape.last;
  }

  async reset(): Promise<void> {
    const { number, epoch } = this.#current;
    const { directory, log, limits } = this.#options;
    assert(!this.#resetting, "one reset at a time, and no calls meanwhile");
    this.#resetting = true;
    try {
      await epoch[Symbol.asyncDispose]();
      const path = join(directory, epochName(number + 1));
      await this.#prepareEpoch(`${path}.new`);
      await renameDurably(`${path}.new`, path);
      this.#current = { number: number + 1, epoch: await Epoch.open({ directory: path, log, limits }) };
      await remove(epoch.directory);
      this.#resetting = false;
    } catch (error) {
      // Stays closed for calls: only a new start can tell which of the two epochs is current.
      throw diskError(directory, error);
    }
  }

  stats(): StorageStats {
    const { shape, writer, snapshots } = this.#current.epoch;
    return {
      firstIndex: shape.compacted + 1,
      lastIndex: shape.last,
      snapshotIndex: snapshots.current?.index ?? 0,
      ...writer.stats,
      pendingWrites: writer.pendingWrites,
      pendingBytes: writer.pendingBytes,
      logFiles: writer.segmentCount,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current.epoch[Symbol.asyncDispose]();
    await this.#options.lock[Symbol.asyncDispose]();
  }

  #epoch(): Epoch {
    assert(!this.#resetting, "no calls during a reset");
    return this.#current.epoch;
  }

  /** Makes an empty epoch that remembers the term, the vote and how far the log reached. */
  async #prepareEpoch(directory: string): Promise<void> {
    const { log, limits } = this.#options;
    const { hardState, reached } = this.#current.epoch.shape;
    const { term, votedFor } = hardState;
    await remove(directory);
    await mkdir(directory, { mode: 0o700 });
    await using epoch = await Epoch.open({ directory, log, limits, reached });
    await epoch.write({ hardState: { term, commit: 0, ...(votedFor !== undefined && { votedFor }) } });
  }
}
