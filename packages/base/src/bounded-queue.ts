import { assert } from "./assert.ts";

/** What a full queue does with one more item. */
export type OnFull = "reject" | "drop-oldest" | "drop-newest";

export interface BoundedQueueOptions {
  /** The most items that wait at once. */
  limit: number;
  onFull: OnFull;
}

/** A first-in-first-out queue that cannot grow beyond its limit. */
export class BoundedQueue<T> {
  readonly limit: number;
  readonly #onFull: OnFull;
  #items: T[] = [];
  /** Invariant: 0 <= #head <= #items.length; what lies before it was taken out. */
  #head = 0;
  #dropped = 0;

  constructor(options: BoundedQueueOptions) {
    assert(options.limit > 0, "a queue's limit is positive");
    this.limit = options.limit;
    this.#onFull = options.onFull;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** How many items were lost to the limit since the queue was made. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds an item. False when it was not taken in (`reject`, `drop-newest`). */
  push(item: T): boolean {
    if (this.size >= this.limit) {
      this.#dropped += 1;
      if (this.#onFull !== "drop-oldest") return false;
      this.shift();
    }
    this.#items.push(item);
    return true;
  }

  /** Takes the oldest item out, or undefined when there is none. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined as T;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    }
    return item;
  }

  /** Takes everything out, oldest first. */
  drain(): T[] {
    const items = this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    return items;
  }
}
