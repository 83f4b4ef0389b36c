/** A binary heap whose top is the item that comes first by `before`. */
export class Heap<T> {
  readonly #items: T[];
  readonly #before: (a: T, b: T) => boolean;

  /** Takes the array over, in O(n). */
  constructor(items: T[], before: (a: T, b: T) => boolean) {
    this.#items = items;
    this.#before = before;
    for (let at = (items.length >> 1) - 1; at >= 0; at -= 1) this.#sink(at);
  }

  get size(): number {
    return this.#items.length;
  }

  top(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || !this.#before(item, parent)) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }

  /** To be called when the top item comes later than it did. */
  topChanged(): void {
    this.#sink(0);
  }

  /** Takes the top item out. */
  pop(): T | undefined {
    const top = this.#items[0];
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) {
      this.#items[0] = last;
      this.#sink(0);
    }
    return top;
  }

  #sink(from: number): void {
    const items = this.#items;
    const item = items[from];
    if (item === undefined) return;
    let at = from;
    for (;;) {
      let next = 2 * at + 1;
      let child = items[next];
      if (child === undefined) break;
      const right = items[next + 1];
      if (right !== undefined && this.#before(right, child)) {
        next += 1;
        child = right;
      }
      if (!this.#before(child, item)) break;
      items[at] = child;
      at = next;
    }
    items[at] = item;
  }
}
