/**
 * The operations that have to be placed still, in the order of their calls: a doubly linked list from which one is
 * taken, and into which it is put back in the reverse order, at no cost (Knuth's dancing links). The end is `size`.
 */
export class CallOrder {
  readonly size: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** A bit for each operation that was placed, 16 to a word: what characters of a text hold. */
  readonly #placed: Uint16Array;
  /** No operation above it was placed. */
  #top = -1;

  constructor(size: number) {
    this.size = size;
    this.#next = Int32Array.from({ length: size + 1 }, (_, at) => (at === size ? 0 : at + 1));
    this.#previous = Int32Array.from({ length: size + 1 }, (_, at) => (at === 0 ? size : at - 1));
    this.#placed = new Uint16Array((size >> 4) + 1);
  }

  get first(): number {
    return this.#next[this.size] ?? this.size;
  }

  after(at: number): number {
    return this.#next[at] ?? this.size;
  }

  /** Returns what `putBack` needs. */
  take(at: number): number {
    const top = this.#top;
    const [next = 0, previous = 0] = [this.#next[at], this.#previous[at]];
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#flip(at);
    this.#top = Math.max(top, at);
    return top;
  }

  putBack(at: number, top: number): void {
    const [next = 0, previous = 0] = [this.#next[at], this.#previous[at]];
    this.#next[previous] = at;
    this.#previous[next] = at;
    this.#flip(at);
    this.#top = top;
  }

  /** Equal for the same set of placed operations only. All before `first` are, so the text is short. */
  key(): string {
    const from = this.first >> 4;
    return `${String(from)}:${String.fromCharCode(...this.#placed.subarray(from, (this.#top >> 4) + 1))}`;
  }

  #flip(at: number): void {
    this.#placed[at >> 4] = (this.#placed[at >> 4] ?? 0) ^ (1 << (at & 15));
  }
}
