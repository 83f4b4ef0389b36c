import { shuffled, type Random } from "@murmur/base";
import type { Placer } from "./cluster.ts";
import type { Amounts } from "./trace.ts";

/** How often the load of the nodes is looked at while tasks arrive. */
const LOOKS = 10;

export interface Outcome {
  /** Shares of all that there is, in percent. */
  readonly allocated: Amounts;
  readonly refused: number;
  /** Standard deviation of the nodes' loads in percent: the mean of ten looks while tasks arrived. */
  readonly loadDeviation: number;
  readonly nodesUsed: number;
}

/** Tasks in random order, the list again and again, until they ask for this share of all GPUs. */
export function arrivals(
  tasks: readonly Amounts[],
  nodes: readonly Amounts[],
  { random, share }: { readonly random: Random; readonly share: number },
): readonly Amounts[] {
  const wanted = totalOf(nodes)[2] * share;
  const arriving: Amounts[] = [];
  for (let asked = 0; asked < wanted;) {
    for (const task of shuffled(tasks, random)) {
      if (asked >= wanted) break;
      arriving.push(task);
      asked += task[2];
    }
  }
  return arriving;
}

/** Lets tasks arrive at empty nodes, one after the other. */
export function pack(nodes: readonly Amounts[], tasks: readonly Amounts[], placer: Placer): Outcome {
  const used = nodes.map((): [number, number, number] => [0, 0, 0]);
  const deviations: number[] = [];
  let refused = 0;
  for (const [count, task] of tasks.entries()) {
    const place = placer.place(task);
    const node = place === undefined ? undefined : used[place];
    if (node === undefined) refused += 1;
    else for (const at of [0, 1, 2] as const) node[at] += task[at];
    if (Math.floor(((count + 1) * LOOKS) / tasks.length) > Math.floor((count * LOOKS) / tasks.length)) {
      deviations.push(deviation(nodes.map((all, at) => loadOf(used[at] ?? [0, 0, 0], all))));
    }
  }
  const [has, held] = [totalOf(nodes), totalOf(used)];
  const percent = (at: 0 | 1 | 2): number => (100 * held[at]) / Math.max(1, has[at]);
  return {
    allocated: [percent(0), percent(1), percent(2)],
    refused,
    loadDeviation: mean(deviations),
    nodesUsed: used.filter((amounts) => amounts.some((amount) => amount > 0)).length,
  };
}

export function totalOf(all: readonly Amounts[]): Amounts {
  const total = (at: 0 | 1 | 2): number => all.reduce((sum, amounts) => sum + amounts[at], 0);
  return [total(0), total(1), total(2)];
}

/** The mean of the shares in use of what a node has, in percent. */
function loadOf(used: Amounts, all: Amounts): number {
  const shares = all.flatMap((amount, at) => (amount > 0 ? [(100 * (used[at] ?? 0)) / amount] : []));
  return mean(shares);
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}
