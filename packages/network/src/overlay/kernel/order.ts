import { ClusterError } from "@murmur/base";

/** Calls that wait for those before them; one more is refused, and its caller tries again. */
const WAITING_MAX = 64;

/** Work that is done one after the other, in the order in which it was asked for. */
export class Order {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Settles when what was asked for so far is done with. Never rejects. */
  get last(): Promise<unknown> {
    return this.#last;
  }

  /** Does the work in its turn. @throws ClusterError `overloaded` when too many wait, or as the work */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX)
      throw new ClusterError("overloaded", "the overlay has too much to render: try again");
    this.#waiting += 1;
    const done = this.#last.then(work);
    this.#last = done.then(
      () => {},
      () => {},
    );
    try {
      return await done;
    } finally {
      this.#waiting -= 1;
    }
  }
}
