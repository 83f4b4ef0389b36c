import { ClusterError, type Clock, type Millis } from "@murmur/base";

/** Rejects with `timeout` when the work takes too long; the work itself goes on, and what it comes to is passed over. */
export function inTime<T>(
  work: Promise<T>,
  { clock, limitMs }: { readonly clock: Clock; readonly limitMs: Millis },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new ClusterError("timeout", "it doesn't answer"));
    const timer = clock.setTimer(limitMs, late);
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
