import type { Random } from "@murmur/base";

/**
 * Numbers that pair probes with their acks: 32 bits, from a random start, so that answers to a former run of this node
 * do not fit.
 */
export class ProbeNumbers {
  #last: number;

  constructor(random: Random) {
    this.#last = random.below(2 ** 32);
  }

  next(): number {
    this.#last = (this.#last + 1) % 2 ** 32;
    return this.#last;
  }
}
