/** Requests remembered; more than a leader can have uncommitted at once, so no retry comes after it was forgotten. */
const LIMIT = 65_536;

/**
 * The requests that this leader has taken into its log in the present term, so that one which is offered again, because
 * its answer was lost, is not taken twice.
 */
export class OfferLedger {
  #term = 0;
  readonly #requests = new Set<string>();

  /** Forgets all: offers name their term, so those of an older one are refused anyway. */
  startTerm(term: number): void {
    if (term === this.#term) return;
    this.#term = term;
    this.#requests.clear();
  }

  has(requestId: string): boolean {
    return this.#requests.has(requestId);
  }

  add(requestId: string): void {
    this.#requests.add(requestId);
    if (this.#requests.size <= LIMIT) return;
    const oldest = this.#requests.values().next();
    if (oldest.done !== true) this.#requests.delete(oldest.value);
  }
}
