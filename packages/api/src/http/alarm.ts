import type { Clock } from "@murmur/base";

/** Wakes the one loop that waits: for something in the watch, for the heartbeat, for the end. */
export class Alarm {
  readonly #clock: Clock;
  #rung = false;
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get closed(): boolean {
    return this.#closed;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.ring();
  }

  /** Waits until it rings; false when it didn't within the time. */
  async heard(withinMs: number): Promise<boolean> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.setTimer(withinMs, resolve);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    const heard = this.#rung;
    this.#wake = undefined;
    this.#rung = false;
    return heard;
  }
}
