import { nodeAttribute, type Placement } from "@murmur/model";
import { Heap } from "./heap.ts";
import type { NodeLoad } from "./node-load.ts";
import type { Order, Score } from "./score.ts";

/**
 * The nodes below one value of a spread preference. Tasks of the service are counted on all nodes of the branch, also
 * on those that cannot take another one: they are there.
 */
interface Branch {
  readonly value: string;
  tasks: number;
  readonly inner: Map<string, Branch>;
  readonly scores: Score[];
}

/** Gives out the next best node, one placement at a time, branch by branch of the spread preferences. */
export interface Chooser {
  /**
   * The best node, or undefined when no node has room. `take` places a task there and says whether the node has room
   * for another one.
   */
  next(take: (score: Score) => boolean): Score | undefined;
}

export interface SpreadOptions {
  readonly preferences: Placement["preferences"];
  readonly order: Order;
  readonly tasksOf: (load: NodeLoad) => number;
}

/** `scores` are of the nodes that may take a task; `others` are the rest, which only count. Takes `scores` over. */
export function spreadTree(scores: Score[], others: Iterable<NodeLoad>, options: SpreadOptions): Chooser {
  if (options.preferences.length === 0) return leaf(scores, options.order);
  const root = newBranch("");
  for (const score of scores) branchOf(root, score.load, options).scores.push(score);
  for (const load of others) branchOf(root, load, options);
  return chooserOf(root, options.order);
}

/** Finds the innermost branch that a node belongs to, and counts the node's tasks in each on the way. */
function branchOf(root: Branch, load: NodeLoad, options: SpreadOptions): Branch {
  let branch = root;
  for (const { spread } of options.preferences) {
    const value = load.node === undefined ? undefined : nodeAttribute(load.node, spread);
    if (value === undefined) continue;
    let inner = branch.inner.get(value);
    if (inner === undefined) branch.inner.set(value, (inner = newBranch(value)));
    inner.tasks += options.tasksOf(load);
    branch = inner;
  }
  return branch;
}

const newBranch = (value: string): Branch => ({ value, tasks: 0, inner: new Map(), scores: [] });

function chooserOf(branch: Branch, order: Order): Chooser {
  return branch.inner.size === 0 ? leaf(branch.scores, order) : fork([...branch.inner.values()], order);
}

function leaf(scores: Score[], order: Order): Chooser {
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

function fork(branches: readonly Branch[], order: Order): Chooser {
  const items = branches.map((branch) => ({ branch, chooser: chooserOf(branch, order) }));
  const heap = new Heap(items, ({ branch: a }, { branch: b }) =>
    a.tasks === b.tasks ? a.value < b.value : a.tasks < b.tasks,
  );
  return {
    next(take) {
      for (let best = heap.top(); best !== undefined; best = heap.top()) {
        const chosen = best.chooser.next(take);
        if (chosen === undefined) {
          heap.pop();
          continue;
        }
        best.branch.tasks += 1;
        heap.topChanged();
        return chosen;
      }
      return undefined;
    },
  };
}
