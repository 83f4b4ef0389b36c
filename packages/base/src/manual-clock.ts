import type { Clock, Millis, Timer } from "./clock.ts";

interface Pending {
  at: Millis;
  order: number;
  callback: () => void;
}

/** A clock that moves only when told to. Timers due at the same moment fire in the order in which they were set. */
export class ManualClock implements Clock {
  #now: Millis;
  #elapsed = 0;
  #order = 0;
  readonly #timers = new Set<Pending>();

  constructor(startMs: Millis = 1_700_000_000_000) {
    this.#now = startMs;
  }

  /** Timers that have been set and neither fired nor been cancelled; for leak checks. */
  get pending(): number {
    return this.#timers.size;
  }

  now(): Millis {
    return this.#now + this.#elapsed;
  }

  monotonic(): Millis {
    return this.#elapsed;
  }

  setTimer(delayMs: Millis, callback: () => void): Timer {
    const pending: Pending = { at: this.#elapsed + Math.max(0, delayMs), order: (this.#order += 1), callback };
    this.#timers.add(pending);
    return { cancel: () => void this.#timers.delete(pending) };
  }

  /** Moves the wall clock without letting time pass, as an administrator or NTP does. */
  jump(byMs: Millis): void {
    this.#now += byMs;
  }

  /** Lets time pass, firing timers in order and letting pending promises run after each. */
  async advance(byMs: Millis): Promise<void> {
    const until = this.#elapsed + byMs;
    for (let next = this.#earliest(until); next !== undefined; next = this.#earliest(until)) {
      this.#elapsed = Math.max(this.#elapsed, next.at);
      this.#timers.delete(next);
      next.callback();
      await settle();
    }
    this.#elapsed = until;
    await settle();
  }

  #earliest(until: Millis): Pending | undefined {
    let best: Pending | undefined;
    for (const timer of this.#timers) {
      if (timer.at > until) continue;
      if (best === undefined || timer.at < best.at || (timer.at === best.at && timer.order < best.order)) best = timer;
    }
    return best;
  }
}

/** Lets chains of already resolved promises run; bounded, because a chain may be endless. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 32; turn += 1) await Promise.resolve();
}
