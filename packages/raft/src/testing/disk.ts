import {
  NO_MEMBERSHIP,
  type Entry,
  type HardState,
  type Index,
  type Membership,
  type Position,
  type Ready,
  type SnapshotMeta,
} from "../index.ts";

/** What a node has given to storage with one Ready. */
export type Write = Pick<Ready, "number" | "hardState" | "entries" | "snapshot" | "messagesAfterSync">;

/** A simulated disk: atomic writes in order. What is queued is lost in a crash, all but a random beginning. */
export class Disk {
  hardState: HardState = { term: 0, vote: undefined, commit: 0 };
  snapshot: SnapshotMeta;
  entries: Entry[] = [];
  queue: Write[] = [];

  constructor(membership: Membership) {
    this.snapshot = { index: 0, term: 0, membership };
  }

  get lastIndex(): Index {
    return this.entries.at(-1)?.index ?? this.snapshot.index;
  }

  /** Whether this entry, or a snapshot that covers it, is durable. */
  holds({ index, term }: Position): boolean {
    if (index <= this.snapshot.index) return true;
    return this.entries[index - this.snapshot.index - 1]?.term === term;
  }

  /** Makes the oldest queued write durable. */
  sync(): Write | undefined {
    const write = this.queue.shift();
    if (write === undefined) return undefined;
    if (write.snapshot !== undefined && write.snapshot.index > this.snapshot.index) {
      this.snapshot = write.snapshot;
      this.entries = [];
    }
    const first = write.entries[0];
    if (first !== undefined) {
      this.entries = this.entries.filter(({ index }) => index < first.index);
      this.entries.push(...write.entries.filter(({ index }) => index > this.snapshot.index));
    }
    if (write.hardState !== undefined) this.hardState = write.hardState;
    return write;
  }

  /** Stores a snapshot that was taken here; the entries that it covers go. */
  store(snapshot: SnapshotMeta): void {
    this.snapshot = snapshot;
    this.entries = this.entries.filter(({ index }) => index > snapshot.index);
  }

  /** Loses the entries from `index` on, although they had been synced. */
  damage(index: Index): void {
    this.entries = this.entries.filter((entry) => entry.index < index);
  }

  /** Loses log and snapshot, as a node does that leaves the cluster. Term and vote stay: they are promises. */
  empty(): void {
    this.snapshot = { index: 0, term: 0, membership: NO_MEMBERSHIP };
    this.entries = [];
  }
}
