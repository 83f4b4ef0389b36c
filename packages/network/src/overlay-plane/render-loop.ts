import { ClusterError, messageOf, type Clock, type Log, type Millis, type Timer } from "@murmur/base";

/** What comes within this time is rendered together. */
const GATHER_MS: Millis = 5;
const RETRY_FIRST_MS: Millis = 250;
const RETRY_MAX_MS: Millis = 10_000;
/** A rendering that takes longer holds up others' tasks: their nodes wait until nothing is sent to them any more. */
const SLOW_MS: Millis = 1_000;

export interface RenderLoopOptions {
  /** Renders what is newest when it is called; resolves with what the kernel refused, a line each. */
  readonly render: () => Promise<readonly string[]>;
  /** It is all right again after failures. */
  readonly onRecovered: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** What came of a rendering: nothing at all, or all but some lines. */
export interface Outcome {
  readonly problems: readonly string[];
  /** The rendering itself failed. */
  readonly error?: unknown;
}

/**
 * Renders one thing at a time. What is asked for while a rendering is under way, however often, is one more rendering
 * after it; what failed is tried again, with growing pauses. A problem is logged when it is new, slowness each time.
 */
export class RenderLoop implements AsyncDisposable {
  readonly #options: RenderLoopOptions;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  /** Those who wait for the next rendering to begin. */
  #next: PromiseWithResolvers<Outcome> | undefined;
  /** Those who wait until a rendering goes right. */
  #right: PromiseWithResolvers<void> | undefined;
  #last: Outcome = { problems: [] };
  #delayMs = RETRY_FIRST_MS;
  #said = "";
  #isClosed = false;
  #renders = 0;
  #lastMs: Millis = 0;
  #allMs: Millis = 0;

  constructor(options: RenderLoopOptions) {
    this.#options = options;
  }

  /** What came of the last rendering. */
  get last(): Outcome {
    return this.#last;
  }

  /** How many there were, how long the last took, and all together. */
  get figures(): { readonly renders: number; readonly lastMs: Millis; readonly allMs: Millis } {
    return { renders: this.#renders, lastMs: this.#lastMs, allMs: this.#allMs };
  }

  /** Something has changed. */
  request(): void {
    void this.rendered();
  }

  /** Settles with the outcome of a rendering that begins after this call. Never rejects. */
  rendered(): Promise<Outcome> {
    if (this.#isClosed) return Promise.resolve({ problems: [], error: closed() });
    this.#next ??= Promise.withResolvers();
    if (this.#running === undefined) this.#in(GATHER_MS);
    return this.#next.promise;
  }

  /**
   * Resolves when all is rendered as it was to be at this call, or later: after failures that is when they are over.
   *
   * @throws ClusterError `cancelled` when no more is rendered
   */
  async rendersRight(): Promise<void> {
    const outcome = await this.rendered();
    if (!isFailed(outcome)) return;
    if (this.#isClosed) throw closed();
    this.#right ??= Promise.withResolvers();
    await this.#right.promise;
  }

  /** Waits for the rendering that is under way. Those who wait for another hear that there is none. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#next?.resolve({ problems: [], error: closed() });
    this.#right?.reject(closed());
    await this.#running;
  }

  #in(delayMs: Millis): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    const waiting = this.#next;
    this.#next = undefined;
    const outcome = await this.#render();
    this.#running = undefined;
    this.#settle(outcome);
    waiting?.resolve(outcome);
    if (this.#isClosed) return;
    if (this.#next !== undefined) this.#in(GATHER_MS);
    else if (isFailed(outcome)) this.#retry();
  }

  async #render(): Promise<Outcome> {
    const { clock, render, log } = this.#options;
    const began = clock.monotonic();
    try {
      return { problems: await render() };
    } catch (error) {
      return { problems: [], error };
    } finally {
      this.#renders += 1;
      this.#lastMs = clock.monotonic() - began;
      this.#allMs += this.#lastMs;
      if (this.#lastMs > SLOW_MS) log.warn("rendering the overlay took long", { ms: Math.round(this.#lastMs) });
    }
  }

  #settle(outcome: Outcome): void {
    const { log, onRecovered } = this.#options;
    const wasFailed = isFailed(this.#last);
    this.#last = outcome;
    if (isFailed(outcome)) {
      const text = outcome.error === undefined ? outcome.problems.join("\n") : messageOf(outcome.error);
      if (text !== this.#said) log.error("the overlay could not be rendered as it should be", said(outcome));
      this.#said = text;
      return;
    }
    this.#said = "";
    this.#delayMs = RETRY_FIRST_MS;
    this.#right?.resolve();
    this.#right = undefined;
    if (!wasFailed || this.#isClosed) return;
    log.info("the overlay is rendered as it should be again");
    onRecovered();
  }

  #retry(): void {
    this.#in(this.#delayMs);
    this.#delayMs = Math.min(RETRY_MAX_MS, this.#delayMs * 2);
  }
}

const closed = (): ClusterError => new ClusterError("cancelled", "the overlay is being closed");

const isFailed = ({ problems, error }: Outcome): boolean => error !== undefined || problems.length > 0;

const said = ({ problems, error }: Outcome): { readonly error: string; readonly problems?: number } =>
  error === undefined ? { error: problems[0] ?? "", problems: problems.length } : { error: messageOf(error) };
