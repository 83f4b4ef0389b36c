import { assert } from "@murmur/base";

/** So many turns are taken from the system at once. */
const BATCH = 64;

/**
 * Waits until all promises that can be resolved have run to their end: between two immediates Node drains promises, ticks
 * and unheard rejections, as between two turns of its event loop; so a row of immediates is as good as so many turns, and
 * the system is asked for news (of its crypto, of other processes) once in a row and not after each event.
 */
export class Turns {
  #next: (() => void) | undefined;
  /** Immediates that are still to come in this row. */
  #left = 0;

  /** Calls back in the next turn. One at a time may wait. */
  next(callback: () => void): void {
    assert(this.#next === undefined, "one at a time waits for the next turn");
    this.#next = callback;
    if (this.#left === 0) this.#refill();
  }

  #refill(): void {
    for (; this.#left < BATCH; this.#left += 1) setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#left -= 1;
    const callback = this.#next;
    this.#next = undefined;
    callback?.();
  };
}
