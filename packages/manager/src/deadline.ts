import type { Clock, Millis } from "@murmur/base";

export interface DeadlineOptions {
  readonly clock: Clock;
  readonly limitMs: Millis;
  /** What the work is told when the time is up. */
  readonly late: () => Error;
  /** Whatever else ends the work: its caller, the manager. The reason is passed on. */
  readonly signals: readonly AbortSignal[];
}

/** Does something with a signal that is aborted by the first of its time limit and the given signals. */
export async function withDeadline<T>(
  { clock, limitMs, late, signals }: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const aborts = signals.map((signal) => {
    const abort = (): void => controller.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    return (): void => signal.removeEventListener("abort", abort);
  });
  const timer = clock.setTimer(limitMs, () => controller.abort(late()));
  try {
    return await work(controller.signal);
  } finally {
    timer.cancel();
    for (const forget of aborts) forget();
  }
}
