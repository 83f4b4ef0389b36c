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
 * Nothing waits for it, because what is lost of the last moments is learned again from the engine and the managers.
 */
export class Saver {
  readonly #options: SaverOptions;
  readonly #changed: Alarm;

  constructor(options: SaverOptions) {
    this.#options = options;
    this.#changed = new Alarm(options.clock);
  }

  changed(): void {
    this.#changed.ring();
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, key, encode, gatherMs, clock, log } = this.#options;
    while (!signal.aborted) {
      await this.#changed.wait(Number.POSITIVE_INFINITY, signal);
      await sleep(clock, gatherMs, signal);
      try {
        await store.put(key, encode());
      } catch (error) {
        log.error("agent state could not be saved", { key, error: messageOf(error) });
        this.#changed.ring();
        await sleep(clock, RETRY_MS, signal);
      }
    }
  }
}
