import type { Clock, Log, Millis, Timer } from "@murmur/base";

const FIRST_MS: Millis = 250;
const MAX_MS: Millis = 10_000;

/** Opens something that may fail for a while, again and again with growing pauses; says so once. */
export class RetryListen implements Disposable {
  readonly #options: { readonly open: () => Promise<void>; readonly explain: (error: unknown) => string; readonly clock: Clock; readonly log: Log };
  #problem: string | undefined;
  #listening = false;
  #closed = false;
  #timer: Timer | undefined;
  #delayMs = FIRST_MS;

  constructor(options: { open: () => Promise<void>; explain: (error: unknown) => string; clock: Clock; log: Log }) {
    this.#options = options;
  }

  get listening(): boolean {
    return this.#listening;
  }
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    if (this.#closed) return;
    this.#options.open().then(
      () => {
        this.#listening = true;
        this.#problem = undefined;
        this.#delayMs = FIRST_MS;
      },
      (error: unknown) => this.failed(error),
    );
  }

  /** It could not be opened, or it broke: tries again later. */
  failed(error: unknown): void {
    const { explain, log, clock } = this.#options;
    this.#listening = false;
    if (this.#closed) return;
    const problem = explain(error);
    if (problem !== this.#problem) log.warn(`${problem}; trying again`);
    this.#problem = problem;
    this.#timer = clock.setTimer(this.#delayMs, () => this.start());
    this.#delayMs = Math.min(MAX_MS, this.#delayMs * 2);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#listening = false;
    this.#timer?.cancel();
  }
}
