import { assert } from "@murmur/base";
import { entryBytes, type Entry, type Index, type Position, type Term } from "./types.ts";

export interface LogOptions {
  /** What the log starts behind: the position of the newest snapshot, or index and term 0. */
  readonly boundary: Position;
  /** Follow the boundary without gaps. */
  readonly entries: readonly Entry[];
  readonly commit: Index;
  readonly applied: Index;
}

/**
 * The entries in memory, from the one behind the boundary to the last, and how far they are committed and applied.
 * Invariant: boundary.index <= applied <= given <= commit <= lastIndex, except that a snapshot that is being installed
 * moves boundary, given and commit ahead of applied.
 */
export class Log {
  #boundary: Position;
  #entries: Entry[];
  #commit: Index;
  #applied: Index;
  /** Committed entries up to here were given out to be applied. */
  #given: Index;
  #applyingBytes = 0;
  #uncommittedBytes: number;

  constructor({ boundary, entries, commit, applied }: LogOptions) {
    this.#boundary = { index: boundary.index, term: boundary.term };
    this.#entries = [];
    this.#uncommittedBytes = 0;
    this.#commit = boundary.index;
    this.#append(entries);
    assert(applied >= boundary.index && applied <= this.lastIndex, "what was applied is in the snapshot or the log");
    assert(commit <= this.lastIndex, "what was committed is in the log");
    this.commitTo(Math.max(commit, applied));
    this.#applied = applied;
    this.#given = applied;
  }

  get boundary(): Position {
    return this.#boundary;
  }
  get firstIndex(): Index {
    return this.#boundary.index + 1;
  }
  get lastIndex(): Index {
    return this.#boundary.index + this.#entries.length;
  }
  get lastTerm(): Term {
    return this.#entries.at(-1)?.term ?? this.#boundary.term;
  }
  get commit(): Index {
    return this.#commit;
  }
  get applied(): Index {
    return this.#applied;
  }
  get uncommittedEntries(): number {
    return this.lastIndex - this.#commit;
  }
  get uncommittedBytes(): number {
    return this.#uncommittedBytes;
  }

  /** The term at an index, or undefined when that was compacted or does not exist. */
  termAt(index: Index): Term | undefined {
    if (index === this.#boundary.index) return this.#boundary.term;
    return this.#entries[index - this.firstIndex]?.term;
  }

  has(position: Position): boolean {
    return this.termAt(position.index) === position.term;
  }

  /** The last place where a log with this position may agree with ours: ours has no later entry of that term or older. */
  lastAgreeing({ index, term }: Position): Position {
    let at = Math.min(index, this.lastIndex);
    while (at > this.#boundary.index && (this.termAt(at) ?? 0) > term) at -= 1;
    return { index: at, term: this.termAt(at) ?? 0 };
  }

  /** Entries from `from` on, as many as fit in `maxBytes`; none when the first one does not. */
  slice(from: Index, maxBytes: number): Entry[] {
    assert(from >= this.firstIndex, "only what was not compacted can be read");
    const taken: Entry[] = [];
    let bytes = 0;
    for (let at = from - this.firstIndex; at < this.#entries.length; at += 1) {
      const entry = this.#entries[at];
      if (entry === undefined) break;
      bytes += entryBytes(entry);
      if (bytes > maxBytes) break;
      taken.push(entry);
    }
    return taken;
  }

  /** The entries in (after, upTo]. */
  between(after: Index, upTo: Index): readonly Entry[] {
    return this.#entries.slice(Math.max(0, after - this.#boundary.index), Math.max(0, upTo - this.#boundary.index));
  }

  /** Adds entries at the end: a leader's. */
  append(entries: readonly Entry[]): void {
    this.#append(entries);
  }

  /**
   * Takes over a leader's entries that follow a position which this log has. Entries that are here already stay; at the
   * first different one the rest is cut off. Returns the last index that was kept when something was cut, or undefined.
   */
  merge(entries: readonly Entry[]): Index | undefined {
    const first = entries.findIndex((entry) => !this.has(entry));
    const news = first === -1 ? [] : entries.slice(first);
    const start = news[0];
    if (start === undefined) return undefined;
    const cut = start.index <= this.lastIndex ? start.index - 1 : undefined;
    if (cut !== undefined) this.#cut(cut);
    this.#append(news);
    return cut;
  }

  commitTo(index: Index): void {
    if (index <= this.#commit) return;
    assert(index <= this.lastIndex, "the committed entries are in the log; has the disk lost what it had synced?");
    for (const entry of this.between(this.#commit, index)) this.#uncommittedBytes -= entryBytes(entry);
    this.#commit = index;
  }

  /** Whether `takeCommitted` has something to give. */
  canGive(upTo: Index, maxBytes: number): boolean {
    const next = this.#entries[this.#given - this.#boundary.index];
    if (next === undefined || next.index > Math.min(this.#commit, upTo)) return false;
    return this.#applyingBytes === 0 || this.#applyingBytes + entryBytes(next) <= maxBytes;
  }

  /** The next committed entries up to `upTo`, while less than `maxBytes` wait to be applied; at least one then. */
  takeCommitted(upTo: Index, maxBytes: number): Entry[] {
    const taken: Entry[] = [];
    for (const entry of this.between(this.#given, Math.min(this.#commit, upTo))) {
      const bytes = entryBytes(entry);
      if (this.#applyingBytes > 0 && this.#applyingBytes + bytes > maxBytes) break;
      this.#applyingBytes += bytes;
      this.#given = entry.index;
      taken.push(entry);
    }
    return taken;
  }

  /** The state machine has applied everything up to `index`. Going back is ignored. */
  appliedTo(index: Index): void {
    if (index <= this.#applied) return;
    assert(index <= this.#given, "only what was given out can be applied");
    for (const entry of this.between(this.#applied, index)) this.#applyingBytes -= entryBytes(entry);
    this.#applied = index;
  }

  /** Forgets the entries up to `index`, which a stored snapshot covers. The term at the boundary stays known. */
  compact(index: Index): void {
    if (index <= this.#boundary.index) return;
    assert(index <= this.#applied, "only what was applied can be compacted");
    const term = this.termAt(index);
    assert(term !== undefined, "the boundary is in the log");
    this.#entries = this.#entries.slice(index - this.#boundary.index);
    this.#boundary = { index, term };
  }

  /** Replaces everything by a snapshot's position. */
  restore(position: Position): void {
    assert(position.index > this.#commit, "a snapshot never overwrites what is committed here");
    this.#entries = [];
    this.#boundary = { index: position.index, term: position.term };
    this.#commit = position.index;
    this.#given = position.index;
    this.#applyingBytes = 0;
    this.#uncommittedBytes = 0;
  }

  #append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, "the log has no gaps");
      assert(entry.term >= this.lastTerm, "terms never fall along the log");
      this.#entries.push(entry);
      this.#uncommittedBytes += entryBytes(entry);
    }
  }

  #cut(last: Index): void {
    assert(last >= this.#commit, "a committed entry is never cut off");
    for (const entry of this.between(last, this.lastIndex)) this.#uncommittedBytes -= entryBytes(entry);
    this.#entries.length = last - this.#boundary.index;
  }
}
