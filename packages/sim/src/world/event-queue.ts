import type { Clock, Millis, Timer } from "@murmur/base";

/** Events that are planned and not cancelled. */
interface Count {
  live: number;
}

/** One of them. */
class Pending implements Timer {
  readonly at: Millis;
  readonly order: number;
  /** Undefined once it has happened, or was cancelled. */
  run: (() => void) | undefined;
  readonly #count: Count;

  constructor(at: Millis, { order, run, count }: { order: number; run: () => void; count: Count }) {
    this.at = at;
    this.order = order;
    this.run = run;
    this.#count = count;
  }

  cancel(): void {
    if (this.run === undefined) return;
    this.run = undefined;
    this.#count.live -= 1;
  }
}

/** All that will happen in a world, by the time of its happening; what happens at the same time, in the order in which it was planned. */
export class EventQueue {
  /** A binary heap: the parent of the element at i is at (i - 1) >> 1. */
  readonly #heap: Pending[] = [];
  #order = 0;
  readonly #count: Count = { live: 0 };
  #now: Millis = 0;

  /** Simulated milliseconds since the world began. */
  get now(): Millis {
    return this.#now;
  }

  /** Events that are planned and not cancelled. */
  get size(): number {
    return this.#count.live;
  }

  plan(at: Millis, run: () => void): Timer {
    const count = this.#count;
    const event = new Pending(Math.max(at, this.#now), { order: (this.#order += 1), run, count });
    this.#push(event);
    count.live += 1;
    return event;
  }

  /** Takes out the next event that is due until then, and lets time pass to it; undefined when there is none. */
  take(until: Millis): (() => void) | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.at <= until; first = this.#heap[0]) {
      this.#pop();
      const { run } = first;
      if (run === undefined) continue;
      first.run = undefined;
      this.#count.live -= 1;
      this.#now = first.at;
      return run;
    }
    this.#now = Math.max(this.#now, until);
    return undefined;
  }

  #push(event: Pending): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isEarlier(above, event)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const one = heap[left];
      const other = heap[left + 1];
      if (one === undefined) break;
      const child = other !== undefined && isEarlier(other, one) ? left + 1 : left;
      const least = heap[child];
      if (least === undefined || isEarlier(last, least)) break;
      heap[at] = least;
      at = child;
    }
    heap[at] = last;
  }
}

const isEarlier = (left: Pending, right: Pending): boolean =>
  left.at < right.at || (left.at === right.at && left.order < right.order);

/** The world's own clock: what the network, the engines and the disks go by. */
export class WorldClock implements Clock {
  readonly #queue: EventQueue;
  constructor(queue: EventQueue) {
    this.#queue = queue;
  }
  now(): Millis {
    return EPOCH + this.#queue.now;
  }
  monotonic(): Millis {
    return this.#queue.now;
  }
  setTimer(delayMs: Millis, callback: () => void): Timer {
    return this.#queue.plan(this.#queue.now + Math.max(0, delayMs), callback);
  }
}

/** When worlds begin, in the wall clock's time. */
export const EPOCH: Millis = 1_700_000_000_000;
