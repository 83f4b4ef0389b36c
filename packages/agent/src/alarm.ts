import type { Clock, Millis } from "@murmur/base";

/** A wait that can be cut short. One waiter; a ring while nobody waits is kept, and several count as one. */
export class Alarm {
  readonly #clock: Clock;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the wait under way, or else the next one at once. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Waits until it rings, at most `limitMs`; returns at once when the signal is aborted. */
  async wait(limitMs: Millis, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) await this.#sleep(limitMs, signal);
    this.#rung = false;
  }

  #sleep(limitMs: Millis, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wake = undefined;
        timer?.cancel();
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = Number.isFinite(limitMs) ? this.#clock.setTimer(limitMs, wake) : undefined;
      this.#wake = wake;
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}
