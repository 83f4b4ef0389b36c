/** A secondary index: from a key to the ids of the records that have it, in the order in which they got it. */
export class Lookup<Id extends string> {
  readonly #ids = new Map<string, readonly Id[]>();

  get(key: string): readonly Id[] {
    return this.#ids.get(key) ?? NONE;
  }

  /** Follows one record from its previous keys to its current ones. */
  move(id: Id, previous: readonly string[], current: readonly string[]): void {
    if (previous.length === current.length && previous.every((key, at) => key === current[at])) return;
    for (const key of previous) {
      const rest = this.get(key).filter((other) => other !== id);
      if (rest.length === 0) this.#ids.delete(key);
      else this.#ids.set(key, rest);
    }
    for (const key of current) {
      if (!this.get(key).includes(id)) this.#ids.set(key, [...this.get(key), id]);
    }
  }
}

const NONE: readonly never[] = [];
