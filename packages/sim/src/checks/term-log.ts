import type { Position } from "@murmur/raft";

/** The terms of a log's entries: all that is needed of one log to compare it with another. */
export class TermLog {
  /** What lies up to here is in a snapshot. */
  #base: number;
  /** The term at the base, where it is known. */
  #baseTerm: number | undefined;
  #terms: number[];

  constructor(base: number, baseTerm: number | undefined, terms: readonly number[]) {
    this.#base = base;
    this.#baseTerm = baseTerm;
    this.#terms = [...terms];
  }

  static empty(): TermLog {
    return new TermLog(0, 0, []);
  }

  get base(): number {
    return this.#base;
  }
  get last(): number {
    return this.#base + this.#terms.length;
  }

  /** The term at an index; undefined when it is beyond the log, or behind its base. */
  termAt(index: number): number | undefined {
    return index === this.#base ? this.#baseTerm : this.#terms[index - this.#base - 1];
  }

  has(position: Position): boolean {
    return this.termAt(position.index) === position.term;
  }

  /** Whether the entry at this position is in the log, or in the snapshot that it starts from. */
  covers(position: Position): boolean {
    return position.index <= this.#base || this.has(position);
  }

  /** Puts entries in their places; what lies behind the first is cut off. The first follows an entry of the log. */
  write(entries: readonly Position[]): void {
    const [first] = entries;
    if (first === undefined) return;
    this.#terms.length = Math.max(0, Math.min(this.#terms.length, first.index - this.#base - 1));
    for (const { index, term } of entries) if (index > this.#base) this.#terms.push(term);
  }

  /** A snapshot takes the place of what comes before it, and of the whole log if that doesn't hold its last entry. */
  install({ index, term }: Position): void {
    const kept = this.has({ index, term }) ? this.#terms.slice(index - this.#base) : [];
    this.#base = index;
    this.#baseTerm = term;
    this.#terms = kept;
  }

  clone(): TermLog {
    return new TermLog(this.#base, this.#baseTerm, this.#terms);
  }
}
