import type { ManualClock, Millis } from "@murmur/base";
import { quiet } from "./real-work.ts";

/** Nothing in these tests takes longer, in simulated time. */
const LIMIT_MS: Millis = 300_000;

/** Lets simulated time pass, and waits for real work, until a promise settles; throws when that takes five minutes. */
export async function during<T>(clock: ManualClock, work: Promise<T>, stepMs: Millis = 10): Promise<T> {
  let settled = false;
  const watched = work.finally(() => (settled = true));
  watched.catch(() => {});
  await until(clock, () => settled, stepMs);
  return watched;
}

/** The same until a condition holds. */
export async function until(clock: ManualClock, condition: () => boolean, stepMs: Millis = 10): Promise<void> {
  const start = clock.monotonic();
  while (!condition()) {
    if (clock.monotonic() - start > LIMIT_MS)
      throw new Error("it did not come to that in five minutes of simulated time");
    await clock.advance(stepMs);
    await quiet();
  }
}
