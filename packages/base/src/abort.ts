import type { Clock, Millis } from "./clock.ts";

/**
 * Does something with a signal that the first of the given ones aborts, with its reason. Nothing of it stays with them
 * afterwards: Node keeps what `AbortSignal.any` makes alive for as long as it has a listener.
 */
export async function withSignals<T>(
  signals: readonly AbortSignal[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const forget = follow(controller, signals);
  try {
    return await work(controller.signal);
  } finally {
    forget();
  }
}

export interface DeadlineOptions {
  readonly clock: Clock;
  readonly limitMs: Millis;
  /** What the work is told when the time is up. */
  readonly late: () => Error;
  /** Whatever else ends the work, as its caller or what it is a part of. The reason is passed on. */
  readonly signals: readonly AbortSignal[];
}

/** Does something with a signal that is aborted by the first of its time limit and the given signals. */
export async function withDeadline<T>(
  { clock, limitMs, late, signals }: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const forget = follow(controller, signals);
  const timer = clock.setTimer(limitMs, () => controller.abort(late()));
  try {
    return await work(controller.signal);
  } finally {
    timer.cancel();
    forget();
  }
}

/** Waits for work that others wait for too: rejects with the signal's reason when it is aborted, the work goes on. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}

/** The controller aborts when the first of the signals does. Returns what ends that. */
function follow(controller: AbortController, signals: readonly AbortSignal[]): () => void {
  const aborts = signals.map((signal) => {
    const abort = (): void => controller.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    return (): void => signal.removeEventListener("abort", abort);
  });
  return () => {
    for (const forget of aborts) forget();
  };
}
