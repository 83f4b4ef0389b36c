import type { Millis, NodeId } from "@murmur/base";

interface Move {
  readonly from: string;
  readonly at: Millis;
}

/** A member that returns to an address it left within this time is two members with one id. */
const RETURN_WINDOW_MS = 60_000;
const MOVES_MAX = 256;

/**
 * Watches members change their addresses. A move is fine, a node is its key; but an id that goes back and forth
 * between two addresses is used by two nodes. Remembers the last 256 members that moved.
 */
export class AddressBook {
  readonly #moves = new Map<NodeId, Move>();

  /** Records a move. True when the member is back where it was a short time ago: an identity conflict. */
  moved(id: NodeId, move: { from: string; to: string }, now: Millis): boolean {
    const last = this.#moves.get(id);
    this.#moves.delete(id);
    this.#moves.set(id, { from: move.from, at: now });
    const [oldest] = this.#moves.keys();
    if (this.#moves.size > MOVES_MAX && oldest !== undefined) this.#moves.delete(oldest);
    return last !== undefined && last.from === move.to && now - last.at < RETURN_WINDOW_MS;
  }
}
