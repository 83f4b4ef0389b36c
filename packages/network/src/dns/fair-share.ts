/**
 * Places that clients share. Each may hold as many as are free (Choudhury and Hahne, Dynamic Queue Length Thresholds,
 * 1998): one alone gets half of all, k of them k/(k+1), and there is always room for one who has held none.
 */
export class FairShare {
  #free: number;
  /** By client. Invariant: no zeros; the sum and the free places are all there are. */
  readonly #held = new Map<string, number>();

  constructor(places: number) {
    this.#free = places;
  }

  /** False when the client holds its share. */
  take(client: string): boolean {
    const held = this.#held.get(client) ?? 0;
    if (held >= this.#free) return false;
    this.#free -= 1;
    this.#held.set(client, held + 1);
    return true;
  }

  /** Gives back a place that was taken. */
  give(client: string): void {
    const left = (this.#held.get(client) ?? 1) - 1;
    this.#free += 1;
    if (left > 0) this.#held.set(client, left);
    else this.#held.delete(client);
  }
}
