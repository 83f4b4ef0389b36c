/**
 * What changed, in order, for readers that catch up now and then. It remembers at most `limit` changes; a reader that has
 * fallen behind further looks at everything anew.
 */
export class Journal<T> {
  readonly #limit: () => number;
  #items: T[] = [];
  /** How many came before `#items`. */
  #forgotten = 0;

  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** How many changes there were in all. */
  get end(): number {
    return this.#forgotten + this.#items.length;
  }

  note(item: T): void {
    if (this.#items.length >= this.#limit()) {
      this.#forgotten += this.#items.length;
      this.#items = [];
    }
    this.#items.push(item);
  }

  /** What changed from a position on; undefined when it is not all known any more. */
  since(position: number): readonly T[] | undefined {
    return position < this.#forgotten ? undefined : this.#items.slice(position - this.#forgotten);
  }
}
