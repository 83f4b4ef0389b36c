/** A set of numbers from 0 to 2 ** 31 - 1, kept as bits: what is missing in a full stretch of it is found 32 at a time. */
export class NumberSet {
  readonly #words = new Map<number, number>();

  has(number: number): boolean {
    return (this.#word(number) & bitOf(number)) !== 0;
  }

  add(number: number): void {
    this.#words.set(number >>> 5, this.#word(number) | bitOf(number));
  }

  delete(number: number): void {
    const rest = this.#word(number) & ~bitOf(number);
    if (rest === 0) this.#words.delete(number >>> 5);
    else this.#words.set(number >>> 5, rest);
  }

  /** The first number from `start` on that is missing, and below `end`. */
  firstMissing(start: number, end: number): number | undefined {
    for (let at = start; at < end; at = (at | 31) + 1) {
      const missing = ~this.#word(at) >>> (at & 31);
      if (missing === 0) continue;
      const found = at + 31 - Math.clz32(missing & -missing);
      return found < end ? found : undefined;
    }
    return undefined;
  }

  #word(number: number): number {
    return this.#words.get(number >>> 5) ?? 0;
  }
}

const bitOf = (number: number): number => 1 << (number & 31);
