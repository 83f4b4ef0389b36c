import { shuffled, type NodeId, type Random } from "@murmur/base";

/**
 * SWIM's randomised round robin (section 4.3): every member is probed once in each round, in an order that is shuffled
 * anew for each, so the time until a failure is noticed is bounded by two rounds.
 */
export class ProbeOrder {
  readonly #random: Random;
  #order: NodeId[] = [];
  readonly #known = new Set<NodeId>();
  #next = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Adds a member at a random place of what remains of the round. */
  add(id: NodeId): void {
    if (this.#known.has(id)) return;
    this.#known.add(id);
    this.#order.splice(this.#next + this.#random.below(this.#order.length - this.#next + 1), 0, id);
  }

  /** The next member that `accept` takes; members that it refuses are dropped and must be added again. */
  next(accept: (id: NodeId) => boolean): NodeId | undefined {
    while (this.#known.size > 0) {
      if (this.#next >= this.#order.length) this.#startRound();
      const id = this.#order[this.#next];
      this.#next += 1;
      if (id === undefined) continue;
      if (accept(id)) return id;
      this.#known.delete(id);
    }
    return undefined;
  }

  #startRound(): void {
    this.#order = shuffled([...this.#known], this.#random);
    this.#next = 0;
  }
}
