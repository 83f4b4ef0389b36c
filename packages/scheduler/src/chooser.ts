import { Heap } from "./heap.ts";
import type { NodeLoad } from "./node-load.ts";
import type { Order, Score } from "./score.ts";

/** Gives out the next best node, one placement at a time. */
export interface Chooser {
  /**
   * The best node, or undefined when no node has room. `take` places a task there and says whether the node has room
   * for another one.
   */
  next(take: (score: Score) => boolean): Score | undefined;
}

/** Chooses among nodes that have all been looked at. Takes `scores` over. */
export function chooseAmong(scores: Score[], order: Order): Chooser {
  const heap = new Heap(scores, order);
  return {
    next(take) {
      const best = heap.top();
      if (best === undefined) return undefined;
      if (take(best)) heap.topChanged();
      else heap.pop();
      return best;
    },
  };
}

/**
 * The second chooser is made and asked once the first has no node left. `keep` is asked of each node of the first that has
 * room for another task: without it, that is no choice of the first any more.
 */
export function chooseInTurn(
  first: Chooser,
  { keep, makeSecond }: { readonly keep: (score: Score) => boolean; readonly makeSecond: () => Chooser },
): Chooser {
  let second: Chooser | undefined;
  return {
    next(take) {
      if (second === undefined) {
        const chosen = first.next((score) => take(score) && keep(score));
        if (chosen !== undefined) return chosen;
      }
      return (second ??= makeSecond()).next(take);
    },
  };
}

export interface RestOptions {
  readonly order: Order;
  /** Scores a node of the rest; undefined: it may not take a task. */
  readonly scoreOf: (load: NodeLoad) => Score | undefined;
}

/**
 * Chooses among a few nodes that have been looked at and the rest, which comes best first and is looked at only as far
 * as it is needed. A node of the rest that was chosen is one of the few from then on. Takes `scores` over.
 */
export function chooseFirst(
  scores: Score[],
  rest: () => NodeLoad | undefined,
  { order, scoreOf }: RestOptions,
): Chooser {
  const heap = new Heap(scores, order);
  let waiting: Score | undefined;
  const nextOfRest = (): Score | undefined => {
    for (let next = rest(); next !== undefined; next = rest()) {
      const score = scoreOf(next);
      if (score !== undefined) return score;
    }
    return undefined;
  };
  return {
    next(take) {
      waiting ??= nextOfRest();
      const known = heap.top();
      if (waiting !== undefined && (known === undefined || order(waiting, known))) {
        const best = waiting;
        waiting = undefined;
        if (take(best)) heap.push(best);
        return best;
      }
      if (known === undefined) return undefined;
      if (take(known)) heap.topChanged();
      else heap.pop();
      return known;
    },
  };
}
