import { assert } from "@murmur/base";
import type { HardState, SnapshotMeta, StoredEntry } from "./log-storage.ts";

/** Entries from `from` on have this term, up to the next run. */
interface Run {
  readonly from: number;
  readonly term: number;
}

/**
 * What the log looks like once all accepted writes are done: its bounds and its terms, not its content. It is how a write
 * that would leave a hole is noticed, and how a snapshot is compared with the log.
 */
export class LogShape {
  #hardState: HardState;
  #compacted: number;
  #last: number;
  #lost: number;
  /** Invariant: ascending in both fields; none ends before `compacted`. */
  #runs: Run[] = [];

  constructor(hardState: HardState, compacted: number, lost: number) {
    this.#hardState = hardState;
    this.#compacted = compacted;
    this.#last = compacted;
    this.#lost = lost;
  }

  get hardState(): HardState {
    return this.#hardState;
  }
  get compacted(): number {
    return this.#compacted;
  }
  get last(): number {
    return this.#last;
  }
  /** Above zero until the log reaches this index again. */
  get lost(): number {
    return this.#lost;
  }

  /** How far the log ever reached, as far as it matters: what of it is gone may have been acknowledged. */
  get reached(): number {
    return Math.max(this.#lost, this.#last);
  }

  setHardState(next: HardState): void {
    assert(next.term >= this.#hardState.term, "the term went back");
    this.#hardState = next;
  }

  append(entries: readonly StoredEntry[]): void {
    const first = entries[0]?.index;
    if (first === undefined) return;
    assert(
      first > this.#compacted && first <= this.#last + 1,
      "a write leaves a hole in the log or touches what was compacted",
    );
    this.#runs = this.#runs.filter((run) => run.from < first);
    for (const [at, entry] of entries.entries()) {
      assert(entry.index === first + at, "the entries of a write are not contiguous");
      const term = this.#runs.at(-1)?.term;
      assert(term === undefined || entry.term >= term, "the terms of the log went back");
      if (term !== entry.term) this.#runs.push({ from: entry.index, term: entry.term });
    }
    this.#reachTo(first + entries.length - 1);
  }

  compact(through: number): void {
    assert(through >= this.#compacted && through <= this.#last, "compaction ends within the log");
    this.#compacted = through;
    while (this.#runs.length > 1 && (this.#runs[1]?.from ?? 0) <= through + 1) this.#runs.shift();
    if (through === this.#last) this.#runs = [];
  }

  /** Whether the log may go on after a snapshot: it holds the snapshot's last entry. */
  holds(snapshot: Pick<SnapshotMeta, "index" | "term">): boolean {
    if (snapshot.index <= this.#compacted) return true;
    return this.#termAt(snapshot.index) === snapshot.term;
  }

  /** Drops all entries, and remembers how far they reached. */
  forget(): void {
    this.#lost = this.reached;
    this.restartAfter(0);
  }

  /** Drops all entries; the log goes on after `index`. */
  restartAfter(index: number): void {
    this.#runs = [];
    this.#compacted = index;
    this.#reachTo(index);
  }

  #reachTo(last: number): void {
    this.#last = last;
    if (last >= this.#lost) this.#lost = 0;
  }

  #termAt(index: number): number | undefined {
    if (index <= this.#compacted || index > this.#last) return undefined;
    return this.#runs.findLast((run) => run.from <= index)?.term;
  }
}
