import { ClusterError, type Clock, type Millis, type Random } from "@murmur/base";

/** How a host's disk misbehaves at the moment; change it at any time. */
export class DiskFaults {
  readonly #clock: Clock;
  readonly #random: Random;
  /** A sync takes up to so long. */
  syncMs: Millis = 4;
  /** The part of the syncs that fail, from 0 to 1. After one that failed the log must be opened anew. */
  failures = 0;
  /** Nothing can be written, nothing opened. */
  broken = false;
  #stalledUntil: Millis = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Nothing becomes durable for so long. */
  stall(forMs: Millis): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#clock.monotonic() + forMs);
  }

  heal(): void {
    this.failures = 0;
    this.broken = false;
    this.#stalledUntil = 0;
    this.syncMs = 4;
  }

  /** Throws when the log can't be opened. */
  open(): void {
    if (this.broken) throw new ClusterError("unavailable", "the simulated disk can't be read");
  }

  /** Awaited for each group of writes. */
  async sync(): Promise<void> {
    const stallMs = this.#stalledUntil - this.#clock.monotonic();
    const delayMs = Math.max(0, stallMs) + this.#random.next() * this.syncMs;
    await new Promise<void>((resolve) => void this.#clock.setTimer(delayMs, resolve));
    if (this.broken || (this.failures > 0 && this.#random.next() < this.failures)) {
      throw new ClusterError("unavailable", "the simulated disk failed");
    }
  }
}
