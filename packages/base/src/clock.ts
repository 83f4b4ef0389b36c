/** Milliseconds since the Unix epoch, or a length of time in milliseconds. */
export type Millis = number;

/** A timer that was set; cancelling one that has fired does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time outside the edge adapters. `node` has the real one, tests and the simulator a simulated one.
 */
export interface Clock {
  /** Wall-clock time. May jump in either direction: for people and for time stamps, never for measuring. */
  now(): Millis;
  /** Time since some fixed moment. Never goes back; for deadlines and for measuring. */
  monotonic(): Millis;
  /** Calls `callback` once after `delayMs`. The callback must not throw. */
  setTimer(delayMs: Millis, callback: () => void): Timer;
}

/** Waits for `delayMs`; rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: Millis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(asError(signal.reason));
    const onAbort = (): void => {
      timer.cancel();
      reject(asError(signal.reason));
    };
    const timer = clock.setTimer(delayMs, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error("aborted"));
