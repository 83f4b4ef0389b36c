import type { Random } from "@murmur/base";
import type { Placer } from "./cluster.ts";
import type { Amounts } from "./trace.ts";

/** What a baseline knows of a node that has room. */
interface Facts {
  readonly free: Amounts;
  readonly task: Amounts;
  /** The largest node's, of each amount: amounts are compared as shares of them. */
  readonly largest: Amounts;
  readonly place: number;
}

/** The lowest score is chosen. */
type Score = (facts: Facts) => number;

const sum = (amounts: Amounts, of: (amount: number, at: 0 | 1 | 2) => number): number =>
  of(amounts[0], 0) + of(amounts[1], 1) + of(amounts[2], 2);

/** The textbook ways to place a task, as the literature on packing compares with them. */
export const BASELINES: Readonly<Record<string, (random: Random) => Score>> = {
  random: (random) => () => random.next(),
  "first fit": () => (facts) => facts.place,
  /** Least is left, all amounts together. */
  "best fit": () => (facts) => sum(facts.free, (free, at) => (free - facts.task[at]) / Math.max(1, facts.largest[at])),
  /** What is free points most the way of what is asked for (Grandl et al., SIGCOMM 2014). */
  "dot product": () => (facts) => -dot(facts),
  /** The same the other way round, as it was used by Weng et al. (USENIX ATC 2023). */
  "least dot product": () => dot,
};

function dot({ free, task, largest }: Facts): number {
  return sum(free, (amount, at) => (amount * task[at]) / Math.max(1, largest[at]) ** 2);
}

/** Looks at every node for every task. */
export class Baseline implements Placer {
  readonly #free: [number, number, number][];
  readonly #largest: Amounts;
  readonly #score: Score;

  constructor(nodes: readonly Amounts[], score: Score) {
    this.#free = nodes.map(([cpu, memory, gpu]) => [cpu, memory, gpu]);
    const most = (at: 0 | 1 | 2): number => nodes.reduce((largest, node) => Math.max(largest, node[at]), 0);
    this.#largest = [most(0), most(1), most(2)];
    this.#score = score;
  }

  place(task: Amounts): number | undefined {
    let best: number | undefined;
    let least = Infinity;
    for (let place = 0; place < this.#free.length; place += 1) {
      const free = this.#free[place];
      if (free === undefined || free[0] < task[0] || free[1] < task[1] || free[2] < task[2]) continue;
      const score = this.#score({ free, task, largest: this.#largest, place });
      if (best === undefined || score < least) [best, least] = [place, score];
    }
    const free = best === undefined ? undefined : this.#free[best];
    if (free !== undefined) for (const at of [0, 1, 2] as const) free[at] -= task[at];
    return best;
  }
}
