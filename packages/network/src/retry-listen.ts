import type { Clock, Log, Millis, Timer } from "@murmur/base";

const FIRST_MS: Millis = 250;
const MAX_MS: Millis = 10_000;

export interface RetryListenOptions<T> {
  /** Opens it, or fails; `onBroken` is for what happens to it later. */
  readonly open: (onBroken: (error: Error) => void) => Promise<T>;
  readonly close: (opened: T) => void;
  /** What is wrong, in one line; undefined when nothing is: then it is tried again without a word. */
  readonly explain: (error: unknown) => string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Owns something that may not open for a while: tries again and again with growing pauses, and says so once. */
export class RetryListen<T> implements AsyncDisposable {
  readonly #options: RetryListenOptions<T>;
  #opened: T | undefined;
  #problem: string | undefined;
  #isExcused = false;
  #closed = false;
  #attempt: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #delayMs = FIRST_MS;

  constructor(options: RetryListenOptions<T>) {
    this.#options = options;
  }

  get opened(): T | undefined {
    return this.#opened;
  }
  /** Why it is not open, once that has been tried. */
  get problem(): string | undefined {
    return this.#problem;
  }
  /** Whether it is not open, and need not be. */
  get isExcused(): boolean {
    return this.#isExcused;
  }

  start(): void {
    this.#timer = undefined;
    if (!this.#closed) this.#attempt = this.#try();
  }

  /** Tries now what would be tried later; resolves when that, or an attempt that is under way, is over. */
  async retry(): Promise<void> {
    if (this.#timer !== undefined) {
      this.#timer.cancel();
      this.start();
    }
    await this.#attempt;
  }

  /** What is open is closed before this returns; the promise waits for an attempt that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#close();
    await this.#attempt;
  }

  async #try(): Promise<void> {
    let broken: unknown;
    try {
      const opened = await this.#options.open((error) => {
        broken = error;
        this.#failed(error);
      });
      this.#opened = opened;
      if (this.#closed || broken !== undefined) return this.#close();
      if (this.#problem !== undefined) this.#options.log.info("opened at last", { before: this.#problem });
      this.#problem = undefined;
      this.#isExcused = false;
      this.#delayMs = FIRST_MS;
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { explain, log, clock } = this.#options;
    this.#close();
    if (this.#closed) return;
    const problem = explain(error);
    if (problem !== undefined && problem !== this.#problem) log.warn(`${problem}; trying again`);
    this.#problem = problem;
    this.#isExcused = problem === undefined;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(this.#delayMs, () => this.start());
    this.#delayMs = Math.min(MAX_MS, this.#delayMs * 2);
  }

  #close(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened !== undefined) this.#options.close(opened);
  }
}
