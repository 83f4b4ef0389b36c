import { Heap } from "./heap.ts";

/** An item that knows its place in the heap that it is in; -1 while it is in none. */
export interface Placed {
  at: number;
}

/**
 * A binary heap of items that may change, come and go, which can be read in its order without being changed. Adding,
 * moving and removing take O(log n); reading the first k takes O(k log k).
 */
export class SortedHeap<T extends Placed> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Adds an item, or brings one that has changed to its place. */
  put(item: T): void {
    if (item.at < 0) item.at = this.#items.push(item) - 1;
    this.#sink(this.#rise(item.at));
  }

  remove(item: T): void {
    const { at } = item;
    if (at < 0) return;
    item.at = -1;
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#set(at, last);
    this.#sink(this.#rise(at));
  }

  /** The items in no particular order. */
  items(): readonly T[] {
    return this.#items;
  }

  /**
   * Gives out the items, one with each call, first ones first; undefined after the last. Not to be called on after the heap
   * was changed.
   */
  inOrder(): () => T | undefined {
    const items = this.#items;
    const [first] = items;
    // Whatever comes next lies right below something that has been given out.
    const edge = new Heap(first === undefined ? [] : [first], this.#before);
    return () => {
      const item = edge.pop();
      if (item === undefined) return undefined;
      const left = items[2 * item.at + 1];
      const right = items[2 * item.at + 2];
      if (left !== undefined) edge.push(left);
      if (right !== undefined) edge.push(right);
      return item;
    };
  }

  #set(at: number, item: T): void {
    this.#items[at] = item;
    item.at = at;
  }

  #rise(from: number): number {
    const item = this.#items[from];
    if (item === undefined) return from;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#items[above];
      if (parent === undefined || !this.#before(item, parent)) break;
      this.#set(at, parent);
      at = above;
    }
    this.#set(at, item);
    return at;
  }

  #sink(from: number): void {
    const item = this.#items[from];
    if (item === undefined) return;
    let at = from;
    for (;;) {
      let next = 2 * at + 1;
      let child = this.#items[next];
      if (child === undefined) break;
      const right = this.#items[next + 1];
      if (right !== undefined && this.#before(right, child)) {
        next += 1;
        child = right;
      }
      if (!this.#before(child, item)) break;
      this.#set(at, child);
      at = next;
    }
    this.#set(at, item);
  }
}
