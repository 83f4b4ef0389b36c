import type { Clock, Millis, Timer } from "@murmur/base";

/** The machine's clocks and timers. */
export const systemClock: Clock = {
  now: (): Millis => Date.now(),
  monotonic: (): Millis => performance.now(),
  setTimer(delayMs: Millis, callback: () => void): Timer {
    const timer = setTimeout(callback, Math.max(0, delayMs));
    return { cancel: () => clearTimeout(timer) };
  },
};
