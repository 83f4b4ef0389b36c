import { messageOf, type Clock, type ClusterError, type Millis } from "@murmur/base";
import { transportError } from "./call-fate.ts";

/** Calls and streams that wait for a connection. Bounded: one more than the limit is refused with `overloaded`. */
export class Waiters {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #waiting = new Set<(error: ClusterError | undefined) => void>();

  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** Resolves at the next `succeed`; rejects at the next `fail`, with `timeout` or with `cancelled`. */
  wait(name: string, options: { timeoutMs: Millis; signal: AbortSignal | undefined }): Promise<void> {
    const { timeoutMs, signal } = options;
    if (this.#waiting.size >= this.#limit) {
      return Promise.reject(transportError("overloaded", `too many calls wait for ${name}: try again later`, false));
    }
    return new Promise((resolve, reject) => {
      const settle = (error: ClusterError | undefined): void => {
        this.#waiting.delete(settle);
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const onAbort = (): void => settle(transportError("cancelled", `cancelled: ${messageOf(signal?.reason)}`, false));
      const timer = this.#clock.setTimer(timeoutMs, () => {
        settle(transportError("timeout", `no connection to ${name} within ${Math.round(timeoutMs)} ms`, false));
      });
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(settle);
    });
  }

  succeed(): void {
    for (const settle of this.#waiting) settle(undefined);
  }

  fail(error: ClusterError): void {
    for (const settle of this.#waiting) settle(error);
  }
}
