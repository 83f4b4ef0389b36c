import { BoundedQueue, type BoundedQueueOptions } from "./bounded-queue.ts";

/**
 * A bounded queue with one waiting reader: several producers push, one loop takes. All inputs of a loop go through one
 * inbox, so that their order is the order of arrival and nothing depends on which promise settles first.
 */
export class Inbox<T> {
  readonly #queue: BoundedQueue<T>;
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(options: BoundedQueueOptions) {
    this.#queue = new BoundedQueue(options);
  }

  get size(): number {
    return this.#queue.size;
  }
  get dropped(): number {
    return this.#queue.dropped;
  }

  /** Adds an item; false when it was not taken in, or when the inbox is closed. */
  push(item: T): boolean {
    if (this.#closed) return false;
    const taken = this.#queue.push(item);
    this.#wakeReader();
    return taken;
  }

  /** Waits for the next item; undefined once the inbox is closed and empty. */
  async take(): Promise<T | undefined> {
    while (this.#queue.size === 0) {
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#queue.shift();
  }

  /** Takes all that waits right now, without waiting. */
  takeAll(): T[] {
    return this.#queue.drain();
  }

  /** Ends the inbox: what waits can still be taken, nothing more comes in. */
  close(): void {
    this.#closed = true;
    this.#wakeReader();
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
