import { assert, ClusterError, messageOf, type Log } from "@murmur/base";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { diskError, isMissing, remove, renameDurably } from "./disk.ts";
import type { ReceiveOptions, SnapshotMeta, SnapshotReader, SnapshotReceiver } from "./log-storage.ts";
import { readSnapshot, SnapshotWriter, verifySnapshot } from "./snapshot-file.ts";

/** A snapshot is named for the state it holds, so that the newest is known without opening any. */
const nameOf = ({ index, term }: SnapshotMeta): string => `${pad(index)}-${pad(term)}.snapshot`;
const pad = (value: number): string => String(value).padStart(16, "0");
const SAVING = "saving.part";
const RECEIVING = "receiving.part";

interface Transfer {
  readonly options: ReceiveOptions;
  readonly writer: SnapshotWriter;
  /** Appends, commit and abort run one after another. */
  turn: Promise<unknown>;
}

export interface SnapshotStoreOptions {
  readonly directory: string;
  readonly log: Log;
  /** Called when a snapshot has become current, before the older one is removed. */
  readonly onCurrent: (meta: SnapshotMeta) => Promise<void>;
}

/** The snapshots in a directory: the current one, one being saved, one being received. */
export class SnapshotStore implements AsyncDisposable {
  readonly #options: SnapshotStoreOptions;
  #current: SnapshotMeta | undefined;
  #saving: Promise<void> | undefined;
  #closed = false;
  #transfer: Transfer | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: SnapshotStoreOptions, current: SnapshotMeta | undefined) {
    this.#options = options;
    this.#current = current;
  }

  /** Finds the newest intact snapshot and removes all others. `damaged` says why a newer one could not be used. */
  static async open(options: SnapshotStoreOptions): Promise<{ store: SnapshotStore; damaged?: string }> {
    const { directory } = options;
    const files = await readdir(directory);
    const names = files
      .filter((name) => name.endsWith(".snapshot"))
      .toSorted()
      .toReversed();
    let current: SnapshotMeta | undefined;
    let damaged: string | undefined;
    for (const name of names) {
      if (current !== undefined) {
        await remove(join(directory, name));
        continue;
      }
      try {
        await using reader = await readSnapshot(join(directory, name));
        await verifySnapshot(reader);
        current = reader.meta;
      } catch (error) {
        damaged ??= messageOf(error);
        options.log.error("a snapshot cannot be read", { file: name, error: messageOf(error) });
      }
    }
    for (const name of [SAVING, RECEIVING]) await remove(join(directory, name));
    return { store: new SnapshotStore(options, current), ...(damaged !== undefined && { damaged }) };
  }

  get current(): SnapshotMeta | undefined {
    return this.#current;
  }

  async save(meta: SnapshotMeta, content: AsyncIterable<Uint8Array>): Promise<void> {
    assert(this.#saving === undefined, "one snapshot is saved at a time");
    this.#saving = this.#save(meta, content).catch(this.#rethrow);
    try {
      await this.#saving;
    } finally {
      this.#saving = undefined;
    }
  }

  async open(): Promise<SnapshotReader | undefined> {
    // The file may be replaced between asking for its name and opening it; then there is a newer one.
    for (let meta = this.#current; meta !== undefined;) {
      try {
        return await readSnapshot(join(this.#options.directory, nameOf(meta)));
      } catch (error) {
        if (!isMissing(error) || this.#current === meta) throw diskError(this.#options.directory, error);
        meta = this.#current;
      }
    }
    return undefined;
  }

  async receive(options: ReceiveOptions): Promise<SnapshotReceiver> {
    this.#refuse(options.meta);
    const earlier = this.#transfer;
    if (earlier !== undefined && sameTransfer(earlier.options, options)) {
      await earlier.turn.catch(() => {});
      if (this.#transfer === earlier) return this.#receiver(earlier);
    }
    if (earlier !== undefined) await this.#abort(earlier);
    const writer = await SnapshotWriter.create(join(this.#options.directory, RECEIVING), options.meta).catch(
      this.#rethrow,
    );
    const transfer = { options, writer, turn: Promise.resolve() };
    this.#transfer = transfer;
    return this.#receiver(transfer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    if (this.#transfer !== undefined) await this.#abort(this.#transfer);
    await this.#saving?.catch(() => {});
    await this.#turn.catch(() => {});
  }

  async #save(meta: SnapshotMeta, content: AsyncIterable<Uint8Array>): Promise<void> {
    this.#refuse(meta);
    const path = join(this.#options.directory, SAVING);
    const writer = await SnapshotWriter.create(path, meta);
    try {
      for await (const bytes of content) {
        await writer.append(bytes);
        this.#refuse(meta);
      }
    } catch (error) {
      await discard(writer, path);
      throw error;
    }
    await this.#publish(writer, path, meta);
  }

  #receiver(transfer: Transfer): SnapshotReceiver {
    const { writer, options } = transfer;
    /** Runs a step when the one before has ended; each fails for the caller, and later ones still run. */
    const inTurn = <T>(step: () => Promise<T>): Promise<T> => {
      const result = transfer.turn.then(step, step);
      transfer.turn = result;
      return result.catch(this.#rethrow);
    };
    return {
      meta: options.meta,
      get received() {
        return writer.size;
      },
      append: (offset, bytes) =>
        inTurn(async () => {
          this.#requireOpen(transfer);
          if (offset !== writer.size) return false;
          await writer.append(bytes);
          return true;
        }),
      commit: () =>
        inTurn(async () => {
          this.#requireOpen(transfer);
          this.#transfer = undefined;
          await this.#publish(writer, join(this.#options.directory, RECEIVING), options.meta);
        }),
      abort: () => this.#abort(transfer),
    };
  }

  async #abort(transfer: Transfer): Promise<void> {
    if (this.#transfer !== transfer) return;
    this.#transfer = undefined;
    await transfer.turn.catch(() => {});
    await discard(transfer.writer, join(this.#options.directory, RECEIVING));
  }

  /** Makes a finished file the current snapshot. Publications follow one another. */
  #publish(writer: SnapshotWriter, path: string, meta: SnapshotMeta): Promise<void> {
    const step = async (): Promise<void> => {
      try {
        this.#refuse(meta);
        await writer.finish();
      } catch (error) {
        await discard(writer, path);
        throw error;
      }
      await writer[Symbol.asyncDispose]();
      const older = this.#current;
      await renameDurably(path, join(this.#options.directory, nameOf(meta)));
      this.#current = meta;
      await this.#options.onCurrent(meta);
      if (older !== undefined && nameOf(older) !== nameOf(meta))
        await remove(join(this.#options.directory, nameOf(older)));
    };
    const published = this.#turn.then(step, step);
    this.#turn = published;
    return published.catch(this.#rethrow);
  }

  #requireOpen(transfer: Transfer): void {
    if (this.#transfer === transfer) return;
    throw new ClusterError("failed_precondition", "this snapshot transfer has ended; begin it again");
  }

  /** Throws when a snapshot can't become the current one, or not any more. */
  #refuse(meta: SnapshotMeta): void {
    if (this.#closed) throw new ClusterError("unavailable", `the storage in ${this.#options.directory} was closed`);
    if (this.#current === undefined || meta.index >= this.#current.index) return;
    const message = `a snapshot at ${String(meta.index)} is older than the current one at ${String(this.#current.index)}`;
    throw new ClusterError("out_of_date", message);
  }

  readonly #rethrow = (error: unknown): never => {
    throw diskError(this.#options.directory, error);
  };
}

async function discard(writer: SnapshotWriter, path: string): Promise<void> {
  await writer[Symbol.asyncDispose]();
  await remove(path);
}

function sameTransfer(a: ReceiveOptions, b: ReceiveOptions): boolean {
  return (
    a.source === b.source &&
    a.meta.index === b.meta.index &&
    a.meta.term === b.meta.term &&
    Buffer.compare(a.meta.membership, b.meta.membership) === 0
  );
}
