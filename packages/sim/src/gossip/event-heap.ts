import { assert, type Millis } from "@murmur/base";

interface Event {
  readonly at: Millis;
  readonly order: number;
  readonly run: () => void;
}

/**
 * What happens when, as a binary heap: adding and taking cost log2 of what waits. Things of the same moment happen in
 * the order in which they were added, so a run depends on nothing but its seed.
 */
export class EventHeap {
  /** Invariant: no event is before its parent, at half its place. Place 0 is not used. */
  readonly #events: Event[] = [{ at: -Infinity, order: -1, run: () => {} }];
  #order = 0;

  get size(): number {
    return this.#events.length - 1;
  }

  /** When the next event is due; Infinity when there is none. */
  get next(): Millis {
    return this.#events[1]?.at ?? Infinity;
  }

  add(at: Millis, run: () => void): void {
    const event = { at, order: this.#order, run };
    this.#order += 1;
    const events = this.#events;
    let place = events.length;
    events.push(event);
    for (let up = place >> 1; up > 0; up = place >> 1) {
      const parent = events[up];
      if (parent === undefined || !isBefore(event, parent)) break;
      events[place] = parent;
      place = up;
    }
    events[place] = event;
  }

  /** Takes the next event out. There must be one. */
  take(): Event {
    const events = this.#events;
    const first = events[1];
    const last = events.pop();
    assert(first !== undefined && last !== undefined, "an event waits");
    if (first !== last) this.#sink(last);
    return first;
  }

  /** Puts an event where the first one was, or below, where it belongs. */
  #sink(event: Event): void {
    const events = this.#events;
    let place = 1;
    for (;;) {
      let down = 2 * place;
      let child = events[down];
      if (child === undefined) break;
      const other = events[down + 1];
      if (other !== undefined && isBefore(other, child)) {
        down += 1;
        child = other;
      }
      if (!isBefore(child, event)) break;
      events[place] = child;
      place = down;
    }
    events[place] = event;
  }
}

const isBefore = (left: Event, right: Event): boolean =>
  left.at < right.at || (left.at === right.at && left.order < right.order);
