import type { Ready } from "@murmur/raft";
import type { LogEntry, LogStorage, StoredHardState } from "./ports.ts";

/**
 * Bounds of what may wait for the disk. When it is reached no more is taken from raft: then this manager also sends no
 * heartbeats, and one whose disk keeps up takes over. Well below the storage's own bounds.
 */
const WRITES_MAX = 4_096;
const BYTES_MAX = 32 * 1024 * 1024;

interface Batch {
  readonly hardState?: StoredHardState;
  readonly entries?: readonly LogEntry[];
}

/**
 * Brings raft's writes to the disk in their order. Invariant: the promise of a write resolves only when all earlier ones
 * are durable, also when it wrote nothing itself, for what raft is told of one write it believes of all before.
 */
export class DurableWrites {
  readonly #storage: LogStorage;
  /** The newest term, vote and commit index, and which of them the disk was given. */
  #hardState: StoredHardState;
  #given: StoredHardState;
  /** Resolves when everything so far is durable. */
  #last: Promise<void> = Promise.resolve();
  /** Set while a snapshot takes the log's place: later writes wait for it. */
  #turn: Promise<void> | undefined;
  #writes = 0;
  #bytes = 0;

  constructor(storage: LogStorage) {
    this.#storage = storage;
    this.#hardState = storage.recovered.hardState;
    this.#given = this.#hardState;
  }

  /** Whether nothing is on its way to the disk. */
  get idle(): boolean {
    return this.#writes === 0;
  }
  /** Whether so much waits that no more should be taken from raft. */
  get full(): boolean {
    return this.#writes >= WRITES_MAX || this.#bytes >= BYTES_MAX;
  }

  /**
   * Writes entries, term and vote. A commit index alone is not worth a sync: it goes along with the next write, so that
   * whoever has an entry durably also knows what was committed when it came.
   */
  write(ready: Pick<Ready, "hardState" | "entries">): Promise<void> {
    this.#note(ready.hardState);
    const { entries } = ready;
    if (entries.length === 0 && !this.#hasPromise()) return this.#last;
    const batch: Batch = {
      ...(this.#hardState === this.#given ? {} : { hardState: this.#hardState }),
      ...(entries.length === 0 ? {} : { entries }),
    };
    this.#given = this.#hardState;
    const { storage, turn } = { storage: this.#storage, turn: this.#turn };
    const written = turn === undefined ? storage.write(batch) : turn.then(() => storage.write(batch));
    return this.#track(written, sizeOf(entries));
  }

  /**
   * Puts a snapshot in the log's place between the writes before and after it. Its term goes first: a disk that holds
   * entries of a term knows that term.
   */
  replaceLog(ready: Pick<Ready, "hardState" | "entries">, install: () => Promise<void>): Promise<void> {
    const { hardState, entries } = ready;
    const { commit } = this.#given;
    this.#note(hardState);
    const promise = { ...this.#hardState, commit };
    const all = { hardState: this.#hardState, entries };
    this.#given = this.#hardState;
    const before = this.#last;
    const replaced = before.then(async () => {
      await this.#storage.write({ hardState: promise });
      await install();
      await this.#storage.write(all);
    });
    const turn = replaced.then(() => {
      if (this.#turn === turn) this.#turn = undefined;
    });
    this.#turn = turn;
    return this.#track(turn, sizeOf(entries));
  }

  #note(hardState: Ready["hardState"]): void {
    if (hardState === undefined) return;
    const { term, vote, commit } = hardState;
    this.#hardState = { term, commit, ...(vote === undefined ? {} : { votedFor: vote }) };
  }

  #hasPromise(): boolean {
    return this.#hardState.term !== this.#given.term || this.#hardState.votedFor !== this.#given.votedFor;
  }

  #track(written: Promise<void>, bytes: number): Promise<void> {
    this.#writes += 1;
    this.#bytes += bytes;
    const before = this.#last;
    this.#last = Promise.all([before, written]).then(() => {
      this.#writes -= 1;
      this.#bytes -= bytes;
    });
    return this.#last;
  }
}

const sizeOf = (entries: readonly LogEntry[]): number => entries.reduce((sum, { data }) => sum + data.byteLength, 0);
