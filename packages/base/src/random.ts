/** The only source of randomness outside the edge adapters: `node` seeds it from the system, tests from a seed. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A uniform integer in [0, bound). */
  below(bound: number): number;
}

/**
 * A small fast generator with 128 bits of state (sfc32, from Chris Doty-Humphrey's PractRand): the same seed gives the
 * same sequence on every machine. Not for secrets.
 */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = 0x9e3779b9 | 0;
    for (let round = 0; round < 12; round += 1) this.#step();
  }

  next(): number {
    return this.#step() / 2 ** 32;
  }

  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  #step(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }
}

/** A shuffled copy (Fisher–Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const copy = [...items];
  for (let last = copy.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    const item = copy[last] as T;
    copy[last] = copy[other] as T;
    copy[other] = item;
  }
  return copy;
}

const ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
/** A new id of 25 characters of base 36. */
export function randomId(random: Random): string {
  let id = "";
  for (let count = 0; count < 25; count += 1) id += ID_ALPHABET.charAt(random.below(36));
  return id;
}
