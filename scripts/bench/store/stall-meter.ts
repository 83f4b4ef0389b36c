/** How often the meter looks; what it reports is beyond this. */
const RESOLUTION_MS = 1;

/** The longest stalls of a phase, in milliseconds. */
export interface Stalls {
  /** By the clock: whatever kept the event loop from running counts, other processes too. */
  readonly wall: number;
  /** CPU time of the event loop's thread between two looks: what this process did itself. */
  readonly cpu: number;
}

const NONE: Stalls = { wall: 0, cpu: 0 };

/** Measures how long the event loop was held up: the greatest lateness of a timer of one millisecond, by phases. */
export class StallMeter {
  readonly #open = new Map<string, Stalls>();
  readonly #ended = new Map<string, Stalls>();
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #usedMs = 0;

  constructor() {
    this.#arm();
  }

  begin(phase: string): void {
    this.#look();
    this.#open.set(phase, NONE);
  }

  /** Ends a phase; of several with one name the worst counts. */
  end(phase: string): void {
    this.#look();
    const worst = this.#open.get(phase) ?? NONE;
    this.#open.delete(phase);
    this.#ended.set(phase, worseOf(worst, this.#ended.get(phase) ?? NONE));
  }

  /** The longest stalls of each phase that has ended. */
  results(): ReadonlyMap<string, Stalls> {
    return this.#ended;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #arm(): void {
    this.#due = performance.now() + RESOLUTION_MS;
    this.#usedMs = threadMs();
    this.#timer = setTimeout(() => {
      this.#look();
      this.#arm();
    }, RESOLUTION_MS);
  }

  /** Also at a phase's borders: a stall that still lasts belongs to what was open while it lasted. */
  #look(): void {
    const seen: Stalls = { wall: performance.now() - this.#due, cpu: threadMs() - this.#usedMs };
    for (const [phase, worst] of this.#open) this.#open.set(phase, worseOf(seen, worst));
  }
}

const worseOf = (left: Stalls, right: Stalls): Stalls => ({
  wall: Math.max(left.wall, right.wall),
  cpu: Math.max(left.cpu, right.cpu),
});

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
