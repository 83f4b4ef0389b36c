import type { Millis, NodeId } from "@murmur/base";

interface Origin {
  /** The highest sequence seen. */
  highest: number;
  /** What is at or below this and not held may have been evicted: not to be delivered again. */
  floor: number;
  floorUntil: Millis;
  /** Publications held. */
  held: number;
}

/** What is known of the publishers: counts and bounds that outlive single publications. */
export class Origins {
  readonly #limit: number;
  readonly #origins = new Map<NodeId, Origin>();

  /** `limit`: the most publishers of whom nothing is held that are remembered; the oldest go first. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#origins.size;
  }

  /** The highest sequence number seen; tells a node that starts anew where its former run stopped. 0 for none. */
  highest(id: NodeId): number {
    return this.#origins.get(id)?.highest ?? 0;
  }

  floor(id: NodeId): number {
    return this.#origins.get(id)?.floor ?? 0;
  }

  /** One more publication is held. */
  hold(id: NodeId, sequence: number): void {
    const origin = this.#origins.get(id) ?? { highest: 0, floor: 0, floorUntil: 0, held: 0 };
    origin.highest = Math.max(origin.highest, sequence);
    origin.held += 1;
    this.#origins.set(id, origin);
  }

  /** One publication is no longer held; a later `prune` forgets the origin when it was the last. */
  release(id: NodeId): void {
    const origin = this.#origins.get(id);
    if (origin !== undefined) origin.held -= 1;
  }

  /** A publication was evicted before its time: without the memory of it, a late copy would count as new. */
  raiseFloor(id: NodeId, sequence: number, until: Millis): void {
    const origin = this.#origins.get(id);
    if (origin === undefined) return;
    origin.floor = Math.max(origin.floor, sequence);
    origin.floorUntil = Math.max(origin.floorUntil, until);
  }

  /** Forgets the origins of which nothing needs to be known any more. */
  prune(now: Millis): void {
    let idle = 0;
    for (const [id, { held, floorUntil }] of this.#origins) {
      if (held > 0) continue;
      if (floorUntil <= now) this.#origins.delete(id);
      else idle += 1;
    }
    for (const [id, { held }] of this.#origins) {
      if (idle <= this.#limit) return;
      if (held > 0) continue;
      this.#origins.delete(id);
      idle -= 1;
    }
  }
}
