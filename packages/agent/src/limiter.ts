import { assert } from "@murmur/base";

/**
 * Lets at most `limit` pieces of work run at once; the others wait in the order in which they came. What waits is
 * bounded by the callers: a task has at most one call to the engine under way.
 */
export class Limiter {
  readonly #limit: number;
  #running = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limit: number) {
    assert(limit > 0, "a limiter's limit is positive");
    this.#limit = limit;
  }

  get running(): number {
    return this.#running;
  }
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Runs `work` when there is room; rejects with the signal's reason when it is aborted before that. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#running >= this.#limit) await this.#turn(signal);
    else this.#running += 1;
    try {
      return await work();
    } finally {
      this.#passOn();
    }
  }

  /** Resolves with the place of one that has ended: the count of those that run stays as it is. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener("abort", give);
        resolve();
      };
      const give = (): void => {
        this.#waiting.delete(go);
        reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
      };
      this.#waiting.add(go);
      signal.addEventListener("abort", give, { once: true });
    });
  }

  #passOn(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
