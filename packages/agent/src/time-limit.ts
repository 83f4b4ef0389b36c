import { ClusterError, type Clock, type Millis } from "@murmur/base";
import type { Abortable } from "./ports.ts";

export interface TimeLimit {
  readonly clock: Clock;
  readonly limitMs: Millis;
  /** Who was asked, for the error: `the engine`. */
  readonly who: string;
  readonly signal: AbortSignal;
}

/**
 * Gives work a time limit. After it the work's signal is aborted and the promise rejects with `unavailable`, also when
 * the work doesn't listen to its signal: nothing can hang its caller.
 */
export function withTimeLimit<T>(limit: TimeLimit, work: (options: Abortable) => Promise<T>): Promise<T> {
  const { clock, limitMs, who, signal } = limit;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(reasonOf(signal));
    const own = new AbortController();
    const settle = (act: () => void): void => {
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const giveUp = (error: Error): void => {
      own.abort(error);
      settle(() => reject(error));
    };
    const onAbort = (): void => giveUp(reasonOf(signal));
    const timer = clock.setTimer(limitMs, () =>
      giveUp(new ClusterError("unavailable", `${who} did not answer within ${String(limitMs / 1000)} s`)),
    );
    signal.addEventListener("abort", onAbort, { once: true });
    work({ signal: own.signal }).then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error instanceof Error ? error : new Error(String(error)))),
    );
  });
}

const reasonOf = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error("aborted");
