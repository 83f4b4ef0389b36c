import { OwnScheduler } from "./cluster.ts";
import { totalOf } from "./packing-run.ts";
import type { Amounts } from "./trace.ts";

/**
 * The fewest nodes that could hold all tasks if each amount could be cut at will: for every amount the largest nodes until
 * there is enough, and of that the most.
 */
export function lowerBound(nodes: readonly Amounts[], tasks: readonly Amounts[]): number {
  const wanted = totalOf(tasks);
  const counts = ([0, 1, 2] as const).map((at) => {
    const largest = nodes.map((node) => node[at]).toSorted((left, right) => right - left);
    let [sum, count] = [0, 0];
    while (sum < wanted[at] && count < largest.length) sum += largest[count++] ?? 0;
    return count;
  });
  return Math.max(...counts);
}

/**
 * How many nodes the scheduler needs for all tasks when they wait together, largest first, on the largest nodes; undefined
 * when they don't fit on all of them. Found by halving: more nodes are taken to hold no less.
 */
export function fewestNodes(nodes: readonly Amounts[], tasks: readonly Amounts[]): number | undefined {
  const largestFirst = nodes.toSorted((a, b) => b[2] - a[2] || b[0] - a[0] || b[1] - a[1]);
  const most = ([0, 1, 2] as const).map((at) => Math.max(1, ...nodes.map((node) => node[at])));
  const sizeOf = (task: Amounts): number => task.reduce((sum, amount, at) => sum + amount / (most[at] ?? 1), 0);
  const ordered = tasks.toSorted((a, b) => sizeOf(b) - sizeOf(a));
  const holds = (count: number): boolean => {
    const offered = largestFirst.slice(0, count);
    return !new OwnScheduler(offered, "binpack").placeAll(ordered).includes(undefined);
  };
  let [least, enough] = [lowerBound(nodes, tasks), nodes.length];
  if (!holds(enough)) return undefined;
  while (least < enough) {
    const middle = Math.floor((least + enough) / 2);
    if (holds(middle)) enough = middle;
    else least = middle + 1;
  }
  return enough;
}
