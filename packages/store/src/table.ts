/** Records by id, in the order of their creation. */
export class Table<Id extends string, R> {
  readonly #records = new Map<Id, R>();
  /** What `list` returned last; dropped by every change. */
  #list: readonly R[] | undefined;

  get size(): number {
    return this.#records.size;
  }

  get(id: Id): R | undefined {
    return this.#records.get(id);
  }

  /** All records; the same array until something changes. */
  list(): readonly R[] {
    return (this.#list ??= [...this.#records.values()]);
  }

  /** All records, one after the other, without a copy. */
  values(): Iterable<R> {
    return this.#records.values();
  }

  /** Returns what the record was before. */
  put(id: Id, record: R): R | undefined {
    const previous = this.#records.get(id);
    this.set(id, record);
    return previous;
  }

  /** The same for whoever knows what the record was before. */
  set(id: Id, record: R): void {
    this.#records.set(id, record);
    this.#list = undefined;
  }

  delete(id: Id): R | undefined {
    const previous = this.#records.get(id);
    this.#records.delete(id);
    this.#list = undefined;
    return previous;
  }
}
