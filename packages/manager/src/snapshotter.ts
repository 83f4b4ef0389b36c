import { codeOf, type Clock, type Log, type Scope } from "@murmur/base";
import { encodeMembership, type Membership, type Raft } from "@murmur/raft";
import { paced } from "./paced.ts";
import type { LogStorage, SnapshotMeta } from "./ports.ts";
import type { Replica } from "./replica.ts";

/** How long the log may become. */
export interface SnapshotLimits {
  /** A snapshot is due after so many bytes or entries. */
  readonly bytes: number;
  readonly entries: number;
  /** Kept behind a snapshot, so that a follower that lags a little needs no snapshot. */
  readonly trailingBytes: number;
  readonly trailingEntries: number;
}

const MIB = 1024 * 1024;
export const DEFAULT_SNAPSHOT_LIMITS: SnapshotLimits = {
  bytes: 16 * MIB,
  entries: 20_000,
  trailingBytes: 16 * MIB,
  trailingEntries: 5_000,
};

/** Whoever asks for more snapshots than one for so many entries gets this: each is the whole state. */
const ENTRIES_LEAST = 1_000;

export interface SnapshotterOptions {
  readonly raft: Raft;
  readonly storage: LogStorage;
  readonly replica: Replica;
  /** Default: `DEFAULT_SNAPSHOT_LIMITS`. */
  readonly snapshotLimits?: SnapshotLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly onFailure: (error: unknown) => void;
}

/** Where the replica stands, as a snapshot of it has to say. */
export interface Position {
  readonly term: number;
  readonly membership: Membership;
}

/** Stores the replica's state now and then, and drops the log behind it. */
export class Snapshotter {
  readonly #options: SnapshotterOptions;
  readonly #limits: SnapshotLimits;
  readonly #scope: Scope;
  /** Of the newest stored snapshot. */
  #index: number;
  #saving: Promise<void> | undefined;

  constructor(options: SnapshotterOptions, scope: Scope) {
    this.#options = options;
    this.#limits = options.snapshotLimits ?? DEFAULT_SNAPSHOT_LIMITS;
    this.#scope = scope;
    this.#index = options.storage.recovered.snapshot?.index ?? 0;
  }

  /** A snapshot of another manager has taken the place of the own ones. */
  installed(index: number): void {
    this.#index = Math.max(this.#index, index);
  }

  /** To be called after entries were applied: starts a snapshot when one is due, and none is under way. */
  applied(at: Position): void {
    const { replica } = this.#options;
    const entries = replica.applied - this.#index;
    const { raft: asked = {} } = replica.store.view.cluster()?.spec ?? {};
    const isDue = entries >= entriesBetween(this.#limits, asked.snapshotInterval);
    if (this.#saving !== undefined || (replica.appliedBytes < this.#limits.bytes && !isDue)) return;
    const bytesEach = replica.appliedBytes / Math.max(1, entries);
    const trailing = trailingEntries(this.#limits, { bytesEach, asked: asked.logEntriesForSlowFollowers });
    void this.#store(at, (index) => this.#compact(index - trailing));
  }

  /**
   * Stores a snapshot now and drops all that it covers from the disk. It stays in memory, for followers that lag. Resolves
   * when that is done, or the manager stops.
   */
  async renew(at: () => Position): Promise<void> {
    while (this.#saving !== undefined) await this.#saving;
    await this.#store(at(), (index) => this.#options.storage.compact(index));
  }

  #store(at: Position, compact: (index: number) => Promise<void>): Promise<void> {
    const { replica } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#scope.closed) return Promise.resolve();
    this.#saving = promise;
    const meta = { index: replica.applied, term: at.term, membership: encodeMembership(at.membership) };
    const chunks = replica.store.snapshot();
    replica.snapshotTaken();
    this.#scope.run("snapshot", async (signal) => {
      try {
        await this.#save(meta, chunks, signal);
        await compact(meta.index);
      } catch (error) {
        if (!signal.aborted) this.#options.onFailure(error);
      } finally {
        this.#saving = undefined;
        resolve();
      }
    });
    return promise;
  }

  async #save(meta: SnapshotMeta, chunks: Iterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const { storage, clock, log } = this.#options;
    try {
      await storage.saveSnapshot(meta, paced(chunks, clock, signal));
    } catch (error) {
      // Meanwhile a newer one has come from the leader.
      if (codeOf(error) === "out_of_date") return;
      throw error;
    }
    this.installed(meta.index);
    log.info("snapshot stored", { index: meta.index });
  }

  async #compact(through: number): Promise<void> {
    const { raft, storage } = this.#options;
    if (through <= 0) return;
    raft.compact(through);
    await storage.compact(through);
  }
}

/** How many entries there are between two snapshots, where the cluster's spec asks for so many. */
export const entriesBetween = (limits: SnapshotLimits, asked: number | undefined): number =>
  Math.min(limits.entries, Math.max(asked ?? limits.entries, ENTRIES_LEAST));

/** How many entries of this size are kept for followers that lag. */
export const trailingEntries = (
  limits: SnapshotLimits,
  { bytesEach, asked = 0 }: { readonly bytesEach: number; readonly asked?: number | undefined },
): number =>
  Math.min(Math.max(limits.trailingEntries, asked), Math.floor(limits.trailingBytes / Math.max(1, bytesEach)));
