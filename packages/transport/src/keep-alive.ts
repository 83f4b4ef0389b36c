import type { Clock, Millis, Timer } from "@murmur/base";

export interface KeepAliveOptions {
  readonly clock: Clock;
  readonly pingMs: Millis;
  readonly silenceMs: Millis;
  /** Asks the other side for a sign of life. */
  readonly ping: () => void;
  /** Nothing was heard for `silenceMs`. Called once. */
  readonly silent: () => void;
}

/**
 * Watches that a connection is alive by what arrives on it. A timer that fires late means that this process itself stood
 * still, and what the peer sent meanwhile may lie unread: then the silence is measured anew.
 */
export class KeepAlive {
  readonly #options: KeepAliveOptions;
  #heardAt: Millis;
  #dueAt: Millis;
  #timer: Timer;

  constructor(options: KeepAliveOptions) {
    this.#options = options;
    const now = options.clock.monotonic();
    this.#heardAt = now;
    this.#dueAt = now + options.pingMs;
    this.#timer = options.clock.setTimer(options.pingMs, () => this.#tick());
  }

  /** A frame has arrived. */
  heard(): void {
    this.#heardAt = this.#options.clock.monotonic();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #tick(): void {
    const { clock, pingMs, silenceMs } = this.#options;
    const now = clock.monotonic();
    if (now - this.#dueAt > pingMs / 2) this.#heardAt = now;
    if (now - this.#heardAt >= silenceMs) return this.#options.silent();
    this.#dueAt = now + pingMs;
    this.#timer = clock.setTimer(pingMs, () => this.#tick());
    if (now - this.#heardAt >= pingMs / 2) this.#options.ping();
  }
}
