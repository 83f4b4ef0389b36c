import type { Clock, Millis, Timer } from "@murmur/base";

export interface TurnsOptions {
  /** Works that are done at once. */
  readonly places: number;
  /** One that takes longer gives its place away, and goes on without one. Default: it keeps it until its end. */
  readonly heldMs?: Millis;
  readonly clock: Clock;
}

/** A place, taken at this moment by the clock's `monotonic`. */
interface Place {
  readonly since: Millis;
}

/**
 * Has a bounded number of works done at once; the others wait for their turn, in the order in which they came. With `heldMs`
 * nobody waits for what may last: one that itself waits for something holds nobody up for longer. Who may wait, the caller
 * bounds.
 */
export class Turns implements Disposable {
  readonly #options: TurnsOptions;
  /** In the order in which they were taken. */
  readonly #taken = new Set<Place>();
  readonly #waiting = new Set<(place: Place) => void>();
  /** Set while somebody waits: for when the oldest place is held for too long. */
  #timer: Timer | undefined;
  #isOpen = true;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Does `work` when it is its turn. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const place = this.#isFree ? this.#enter() : await this.#turn();
    try {
      return await work();
    } finally {
      // Given away already where it was held for long.
      if (this.#taken.delete(place)) this.#letIn();
    }
  }

  /** From now on nobody waits. */
  [Symbol.dispose](): void {
    this.#isOpen = false;
    this.#letIn();
  }

  get #isFree(): boolean {
    return !this.#isOpen || this.#taken.size < this.#options.places;
  }

  #enter(): Place {
    const place = { since: this.#options.clock.monotonic() };
    this.#taken.add(place);
    return place;
  }

  #turn(): Promise<Place> {
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      this.#watch();
    });
  }

  #letIn(): void {
    for (const enter of this.#waiting) {
      if (!this.#isFree) break;
      this.#waiting.delete(enter);
      enter(this.#enter());
    }
    this.#watch();
  }

  /** One timer for all: it is set for the oldest place, and while there are those who wait it is set again when it is over. */
  #watch(): void {
    if (this.#waiting.size === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
      return;
    }
    const { clock, heldMs } = this.#options;
    const [oldest] = this.#taken;
    if (heldMs === undefined || this.#timer !== undefined || oldest === undefined) return;
    this.#timer = clock.setTimer(oldest.since + heldMs - clock.monotonic(), () => this.#giveAway(heldMs));
  }

  #giveAway(heldMs: Millis): void {
    this.#timer = undefined;
    const { clock } = this.#options;
    for (const place of this.#taken) {
      if (place.since + heldMs > clock.monotonic()) break;
      this.#taken.delete(place);
    }
    this.#letIn();
  }
}
