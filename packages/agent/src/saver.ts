import { messageOf, sleep, type Clock, type Log, type Millis } from "@murmur/base";
import { Alarm } from "./alarm.ts";
import type { KeyValue } from "./ports.ts";

export interface SaverOptions {
  readonly store: KeyValue;
  readonly key: string;
  /** Called when a write begins: only the newest state is ever written. */
  readonly encode: () => Uint8Array;
  /** Changes within this time are written together. */
  readonly gatherMs: Millis;
  readonly clock: Clock;
  readonly log: Log;
}

/** A write that failed is tried again after this time. */
const RETRY_MS: Millis = 5_000;

/**
 * Writes one record after changes, behind the work that changes it: one write at a time, and always the newest state.
 * Most of what is lost of the last moments is learned again from the engine and the managers; who has what nobody else
 * may know waits until it is `saved`.
 */
export class Saver {
  readonly #options: SaverOptions;
  readonly #changed: Alarm;
  readonly #hurry: Alarm;
  /** Something has changed that no write has which has begun and hasn't failed. */
  #isDirty = false;
  /** The last write that has begun, and the one that comes next. */
  #write = Promise.resolve();
  #next = nextWrite();

  constructor(options: SaverOptions) {
    this.#options = options;
    this.#changed = new Alarm(options.clock);
    this.#hurry = new Alarm(options.clock);
  }

  changed(): void {
    this.#isDirty = true;
    this.#changed.ring();
  }

  /**
   * Resolves when all that has changed so far is durable: at once where it is, else after a write that begins as soon as
   * the one before it has ended, so that those who wait together are one write's. Rejects with that write's error. It has
   * no limit of its own, and never settles when `run` has ended.
   */
  saved(): Promise<void> {
    if (!this.#isDirty) return this.#write;
    this.#hurry.ring();
    return this.#next.promise;
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, key, encode, gatherMs, clock, log } = this.#options;
    while (!signal.aborted) {
      await this.#changed.wait(Number.POSITIVE_INFINITY, signal);
      await this.#hurry.wait(gatherMs, signal);
      if (signal.aborted) return;
      const write = this.#next;
      this.#next = nextWrite();
      this.#write = write.promise;
      this.#isDirty = false;
      try {
        await store.put(key, encode());
        write.resolve();
      } catch (error) {
        log.error("agent state could not be saved", { key, error: messageOf(error) });
        this.changed();
        write.reject(error);
        await sleep(clock, RETRY_MS, signal);
      }
    }
  }
}

/** Nobody need wait for a write, so its failure alone is no error. */
function nextWrite(): PromiseWithResolvers<void> {
  const write = Promise.withResolvers<void>();
  write.promise.catch(() => undefined);
  return write;
}
