import type { Clock, Millis, Timer } from "@murmur/base";
import { EPOCH, type EventQueue } from "./event-queue.ts";

/** How a host's clock differs from the true one. */
export interface ClockError {
  /** Seconds that it counts in a true second. */
  readonly rate: number;
  /** What its wall clock is ahead of the time that it counts. */
  wallMs: Millis;
}

export interface ProcessOptions {
  readonly queue: EventQueue;
  readonly clockError: ClockError;
  /** Something has happened in this process. */
  readonly onWork: () => void;
  /** The fuse of `dieAfter` has burnt down. */
  readonly onFuse: () => void;
}

/**
 * One life of a node's process, seen from outside. All that reaches it comes through `enter`, all that it does passes
 * `acts`: so it can be held up at any moment and goes on as if nothing had happened, and can end between any two of its
 * actions, after which nothing of it has any effect.
 */
export class Process {
  readonly #options: ProcessOptions;
  readonly clock: Clock;
  #state: "running" | "paused" | "catchingUp" | "dead" = "running";
  /** What has arrived meanwhile, in order. */
  #held: (() => void)[] = [];
  /** Timers that are set. */
  readonly #timers = new Set<Timer>();
  #fuse = Infinity;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.clock = this.#newClock();
  }

  get alive(): boolean {
    return this.#state !== "dead";
  }
  /** Whether what reaches it is taken in at once. */
  get heeds(): boolean {
    return this.#state === "running";
  }
  get paused(): boolean {
    return this.#state === "paused";
  }
  /** Timers that are set; a process that was closed in good order leaves none. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Something reaches the process: at once, or once it runs on. */
  enter = (work: () => void): void => {
    switch (this.#state) {
      case "running":
        this.#options.onWork();
        return work();
      case "paused":
      case "catchingUp":
        this.#held.push(work);
        return;
      case "dead":
        return;
    }
  };

  /** A call of the process to the outside, whose result reaches it through `enter`. Of a dead process nothing is done. */
  call<T>(work: () => Promise<T>): Promise<T> {
    if (!this.acts()) return new Promise(() => {});
    return new Promise((resolve, reject) => {
      work().then(
        (value) => this.enter(() => resolve(value)),
        (error: unknown) => this.enter(() => reject(error)),
      );
    });
  }

  /** Whether the process, which is about to do something, is still there to do it. */
  acts(): boolean {
    if (this.#state === "dead") return false;
    this.#fuse -= 1;
    if (this.#fuse > 0) return true;
    this.#options.onFuse();
    return false;
  }

  /** The process will end right before so many more of its actions. */
  dieAfter(actions: number): void {
    this.#fuse = actions;
  }

  pause(): void {
    if (this.#state === "running" || this.#state === "catchingUp") this.#state = "paused";
  }

  /** Runs on; what has arrived meanwhile is taken in first, one by one. */
  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "catchingUp";
    this.#catchUp();
  }

  die(): void {
    this.#state = "dead";
    this.#held = [];
    for (const timer of this.#timers) timer.cancel();
  }

  #catchUp(): void {
    const { queue, onWork } = this.#options;
    queue.plan(queue.now, () => {
      if (this.#state !== "catchingUp") return;
      const work = this.#held.shift();
      if (work === undefined) {
        this.#state = "running";
        return;
      }
      onWork();
      work();
      this.#catchUp();
    });
  }

  #newClock(): Clock {
    const { queue, clockError } = this.#options;
    const monotonic = (): Millis => queue.now * clockError.rate;
    return {
      monotonic,
      now: () => Math.round(EPOCH + monotonic() + clockError.wallMs),
      setTimer: (delayMs, callback) => this.#setTimer(Math.max(0, delayMs) / clockError.rate, callback),
    };
  }

  #setTimer(trueDelayMs: Millis, callback: () => void): Timer {
    if (this.#state === "dead") return { cancel: () => {} };
    const { queue } = this.#options;
    const timer = queue.plan(queue.now + trueDelayMs, () =>
      this.enter(() => {
        // Cancelled while the process was held up.
        if (this.#timers.delete(timer)) callback();
      }),
    );
    this.#timers.add(timer);
    return new OwnTimer(timer, this.#timers);
  }
}

/** A timer as the process sees it. */
class OwnTimer implements Timer {
  readonly #planned: Timer;
  /** Those that are set. */
  readonly #timers: Set<Timer>;

  constructor(planned: Timer, timers: Set<Timer>) {
    this.#planned = planned;
    this.#timers = timers;
  }

  cancel(): void {
    this.#timers.delete(this.#planned);
    this.#planned.cancel();
  }
}
