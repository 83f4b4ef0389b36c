import { nodeAttribute, type Placement } from "@murmur/model";
import { chooseAmong, type Chooser } from "./chooser.ts";
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

export interface SpreadOptions {
  readonly preferences: Placement["preferences"];
  readonly order: Order;
  readonly tasksOf: (load: NodeLoad) => number;
  /** 1: tasks are placed, in the branch with the fewest first. -1: they are given up, in the branch with the most first. */
  readonly step: 1 | -1;
}

/** `scores` are of the nodes that may take a task; `others` are the rest, which only count. Takes `scores` over. */
export function spreadTree(scores: Score[], others: Iterable<NodeLoad>, options: SpreadOptions): Chooser {
  const root = newBranch("");
  for (const score of scores) branchOf(root, score.load, options).scores.push(score);
  for (const load of others) branchOf(root, load, options);
  return chooserOf(root, options);
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

type Choice = Pick<SpreadOptions, "order" | "step">;

function chooserOf(branch: Branch, choice: Choice): Chooser {
  if (branch.inner.size === 0) return chooseAmong(branch.scores, choice.order);
  return fork([...branch.inner.values()], choice);
}

function fork(branches: readonly Branch[], choice: Choice): Chooser {
  const { step } = choice;
  const items = branches.map((branch) => ({ branch, chooser: chooserOf(branch, choice) }));
  const heap = new Heap(items, ({ branch: a }, { branch: b }) =>
    a.tasks === b.tasks ? a.value < b.value : step * (a.tasks - b.tasks) < 0,
  );
  return {
    next(take) {
      for (let best = heap.top(); best !== undefined; best = heap.top()) {
        const chosen = best.chooser.next(take);
        if (chosen === undefined) {
          heap.pop();
          continue;
        }
        best.branch.tasks += step;
        heap.topChanged();
        return chosen;
      }
      return undefined;
    },
  };
}
