import type { Millis } from "@murmur/base";
import { hasTemplatedVolumes, type Strategy, type Task } from "@murmur/model";
import { chooseAmong } from "./chooser.ts";
import type { NodeLoad } from "./node-load.ts";
import type { NodeSet } from "./node-set.ts";
import { requirementOf, type Requirement } from "./requirement.ts";
import { ORDERS, Score, type Order } from "./score.ts";
import { spreadTree } from "./spread-tree.ts";

export interface LeastMissedOptions {
  /** The leader's wall clock: how recent a failure is. */
  readonly now: Millis;
  /** The cluster's, for services that name none; `spread` when left out. */
  readonly strategy?: Strategy;
}

/**
 * Tasks of one service in the order in which they are given up: those that have no node first, then, one at a time, one
 * from the node that would be the last choice for it, the newest there. So it is the order by which tasks are placed, read
 * backwards. The tasks come in groups; a group is given up before the next one. Within a node, tasks come oldest first.
 */
export function leastMissed(
  nodes: NodeSet,
  groups: readonly (readonly Task[])[],
  { now, strategy = "spread" }: LeastMissedOptions,
): readonly Task[] {
  const [first] = groups.flat();
  if (first === undefined) return [];
  const asked = requirementOf(first, nodes, strategy);
  // Tasks whose volumes differ are each where theirs are.
  const volumes = hasTemplatedVolumes(first) ? [] : asked.volumes;
  const requirement = { ...asked, volumes, home: undefined };
  const lifted: NodeLoad[] = [];
  const lift = (load: NodeLoad): void => {
    nodes.unplace(load, requirement);
    lifted.push(load);
  };
  const order = groups.flatMap((group) => {
    const homeless = group.filter((task) => loadOf(nodes, task) === undefined).toReversed();
    return [...homeless, ...inTurn(nodes, group, { requirement, now, lift })];
  });
  for (const load of lifted) nodes.place(load, requirement);
  return order;
}

const loadOf = (nodes: NodeSet, { nodeId }: Task): NodeLoad | undefined =>
  nodeId === undefined ? undefined : nodes.load(nodeId);

interface Turn {
  readonly requirement: Requirement;
  readonly now: Millis;
  /** Takes one task off a node, until all are put back. */
  readonly lift: (load: NodeLoad) => void;
}

/** Each node is looked at without one of its tasks: as if that were to be placed. */
function* inTurn(nodes: NodeSet, group: readonly Task[], turn: Turn): Generator<Task, void, undefined> {
  const { requirement, now, lift } = turn;
  const held = new Map<NodeLoad, Task[]>();
  for (const task of group) {
    const load = loadOf(nodes, task);
    const tasks = load === undefined ? undefined : held.get(load);
    if (tasks !== undefined) tasks.push(task);
    else if (load !== undefined) held.set(load, [task]);
  }
  const counts = new Map(
    [...nodes.concernedBy(requirement.serviceId)].map((load) => [load, load.wantedOf(requirement.serviceId)]),
  );
  const scores = [...held.keys()].map((load) => {
    lift(load);
    return Score.ofService(load, requirement, now);
  });
  const { preferences } = requirement;
  const best = ORDERS[requirement.strategy];
  const order: Order = (a, b) => best(b, a);
  const others = [...counts.keys()].filter((load) => !held.has(load));
  const chooser =
    preferences.length === 0
      ? chooseAmong(scores, order)
      : spreadTree(scores, others, { preferences, order, tasksOf: (load) => counts.get(load) ?? 0, step: -1 });
  const giveUp = ({ load }: Score): Task | undefined => held.get(load)?.pop();
  for (;;) {
    let task: Task | undefined;
    const chosen = chooser.next((score) => {
      task = giveUp(score);
      if ((held.get(score.load)?.length ?? 0) === 0) return false;
      lift(score.load);
      score.readTasks(requirement);
      return true;
    });
    if (chosen === undefined || task === undefined) return;
    yield task;
  }
}
