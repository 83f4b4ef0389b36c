import type { Random } from "@murmur/base";
import type { NodeState } from "@murmur/storage";
import type { Process } from "./process.ts";
import type { WorldClock } from "./event-queue.ts";

type Written = { readonly text: string } | { readonly json: string };

/** How long a write takes, at most. */
const WRITE_MS = 5;

/** A node's small records on its disk: a write is there as a whole or not at all; a crash decides. */
export class Records {
  /** As what their values were when they were written: JSON, but for a text, which nobody can change. */
  readonly #records = new Map<string, Written>();
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
          const written = this.#records.get(name);
          if (written === undefined || "text" in written) return written?.text;
          const value: unknown = JSON.parse(written.json);
          return value;
        }),
      put: (name, value) => {
        const written: Written = typeof value === "string" ? { text: value } : { json: JSON.stringify(value) };
        return write(() => void this.#records.set(name, written));
      },
      delete: (name) => write(() => void this.#records.delete(name)),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  wipe(): void {
    this.#records.clear();
  }
}
