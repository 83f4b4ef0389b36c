import type { ManualClock, Millis } from "@murmur/base";
import { quiet } from "./real-work.ts";

export interface Pace {
  readonly stepMs?: Millis;
  /** Nothing in these tests takes longer, in simulated time. */
  readonly limitMs?: Millis;
}

/** Lets simulated time pass, and waits for real work, until a promise settles; throws when that takes too long. */
export async function during<T>(clock: ManualClock, work: Promise<T>, pace: Pace = {}): Promise<T> {
  let settled = false;
  const watched = work.finally(() => (settled = true));
  watched.catch(() => {});
  await until(clock, () => settled, pace);
  return watched;
}

/** The same until a condition holds. */
export async function until(clock: ManualClock, condition: () => boolean, pace: Pace = {}): Promise<void> {
  const { stepMs = 10, limitMs = 300_000 } = pace;
  const start = clock.monotonic();
  while (!condition()) {
    if (clock.monotonic() - start > limitMs)
      throw new Error(`it did not come to that in ${String(limitMs)} ms of simulated time`);
    await clock.advance(stepMs);
    await quiet();
  }
}
