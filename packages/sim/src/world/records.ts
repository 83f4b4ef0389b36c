import type { Random } from "@murmur/base";
import type { NodeState } from "@murmur/storage";
import type { Process } from "./process.ts";
import type { WorldClock } from "./event-queue.ts";

/** How long a write takes, at most. */
const WRITE_MS = 5;

/** A node's small records on its disk: a write is there as a whole or not at all; a crash decides. */
export class Records {
  readonly #records = new Map<string, string>();
  readonly #clock: WorldClock;
  readonly #random: Random;
  /** Writes happen one after the other. */
  #writtenAt = 0;

  constructor(clock: WorldClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** As a process sees them. */
  openedBy(process: Process): NodeState {
    const write = (change: () => void): Promise<void> =>
      process.call(
        () =>
          new Promise((resolve) => {
            const now = this.#clock.monotonic();
            this.#writtenAt = Math.max(this.#writtenAt, now) + this.#random.next() * WRITE_MS;
            this.#clock.setTimer(this.#writtenAt - now, () => {
              // What a process that has died meanwhile had written may or may not have reached the disk.
              if (process.alive || this.#random.next() < 0.5) change();
              resolve();
            });
          }),
      );
    return {
      get: (name) =>
        process.call(async () => {
          const text = this.#records.get(name);
          const value: unknown = text === undefined ? undefined : JSON.parse(text);
          return value;
        }),
      put: (name, value) => {
        const text = JSON.stringify(value);
        return write(() => void this.#records.set(name, text));
      },
      delete: (name) => write(() => void this.#records.delete(name)),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  wipe(): void {
    this.#records.clear();
  }
}
