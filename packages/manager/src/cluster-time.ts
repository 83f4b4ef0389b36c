import type { Clock, Millis, Timer } from "@murmur/base";

/**
 * The wall clock of the managers together. Deadlines, delays and back-off are kept in the replicated state as moments of
 * a leader's clock, and the next leader compares them with its own; clocks of hosts differ, and jump.
 *
 * Invariant: it never shows less than the latest moment that a committed command carried, plus what has passed here
 * since that was applied. So a leader whose clock is behind doesn't wait longer than was meant; one whose clock is ahead
 * may wait less once, and from then on its time is everybody's.
 */
export class ClusterTime implements Clock {
  readonly #clock: Clock;
  #latest: Millis = 0;
  #heardAt: Millis = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): Millis {
    const { now, monotonic } = this.#read();
    return Math.max(now, Math.floor(this.#latest + monotonic - this.#heardAt));
  }

  monotonic(): Millis {
    return this.#clock.monotonic();
  }

  setTimer(delayMs: Millis, callback: () => void): Timer {
    return this.#clock.setTimer(delayMs, callback);
  }

  /** A command that carries this moment was applied, or a state in which something happened then. */
  heard(moment: Millis): void {
    const { monotonic } = this.#read();
    if (moment <= this.#latest + monotonic - this.#heardAt) return;
    this.#latest = moment;
    this.#heardAt = monotonic;
  }

  #read(): { readonly now: Millis; readonly monotonic: Millis } {
    return { now: this.#clock.now(), monotonic: this.#clock.monotonic() };
  }
}
