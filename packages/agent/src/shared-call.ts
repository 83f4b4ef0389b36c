import { orAborted } from "@murmur/base";
import type { Abortable } from "./ports.ts";

const noop = (): void => {};

/** One call that several wait for: it is given up when the last of them has left. */
export class SharedCall<T> {
  readonly #end = new AbortController();
  readonly #done: Promise<T>;
  /** Resolves when it has ended, in whatever way. */
  readonly ended: Promise<void>;
  #waiting = 0;

  constructor(work: (options: Abortable) => Promise<T>) {
    this.#done = work({ signal: this.#end.signal });
    this.ended = this.#done.then(noop, noop);
  }

  /** It has ended, or was given up: who comes now begins another. */
  get over(): boolean {
    return this.#end.signal.aborted;
  }

  async wait(signal: AbortSignal): Promise<T> {
    this.#waiting += 1;
    try {
      return await orAborted(this.#done, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#end.abort(new Error("nobody waits for it"));
    }
  }
}
