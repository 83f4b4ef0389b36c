import type { NodeId } from "@murmur/base";
import { nodeAttribute, type Strategy, type Task } from "@murmur/model";
import type { ScheduleOptions } from "./decision.ts";
import { leastMissed } from "./least-missed.ts";
import type { NodeLoad } from "./node-load.ts";
import type { NodeSet } from "./node-set.ts";
import { requirementOf, type Requirement } from "./requirement.ts";
import { schedule } from "./schedule.ts";
import { Score } from "./score.ts";

/** A task that would be better placed elsewhere. */
export interface Move {
  readonly task: Task;
  readonly from: NodeId;
  readonly to: NodeId;
}

export interface RebalanceOptions extends Omit<ScheduleOptions, "looksMax"> {
  readonly movesMax: number;
}

/**
 * How much less the cost of a node's room must be, for tasks whose service is spread as evenly as before: a tenth of what
 * a node has. Less is not worth a restart.
 */
const GAIN_MIN: Readonly<Record<Strategy, number>> = { spread: 0.1, binpack: 0.000_01 };

/**
 * The moves by which tasks of some services, each list one service's, would come to stand as if they were placed now: one
 * at a time the task that is missed least goes to the node that it would be given now, as long as that is better by more
 * than a trifle. Each move takes those before it into account, and no task moves twice. The node set is as before when
 * this returns. O(moves · (nodes + tasks of the service)).
 */
export function rebalance(
  nodes: NodeSet,
  services: readonly (readonly Task[])[],
  options: RebalanceOptions,
): readonly Move[] {
  const { now, strategy = "spread" } = options;
  const moves: Move[] = [];
  const undo: (() => void)[] = [];
  for (const tasks of services) {
    const left = new Set(tasks);
    while (moves.length < options.movesMax) {
      const [task] = leastMissed(nodes, [[...left]], { now, strategy });
      const from = task?.nodeId === undefined ? undefined : nodes.load(task.nodeId);
      if (task === undefined || from === undefined) break;
      const requirement = requirementOf(task, nodes, strategy);
      nodes.unplace(from, requirement);
      undo.push(() => nodes.place(from, requirement));
      const to = choice(nodes, task, options);
      if (to === undefined || to === from || !isWorthIt(nodes, { requirement, from, to }, options)) break;
      nodes.place(to, requirement);
      undo.push(() => nodes.unplace(to, requirement));
      moves.push({ task, from: from.id, to: to.id });
      left.delete(task);
    }
  }
  for (const step of undo.toReversed()) step();
  return moves;
}

/** Where the task would be placed if it were new. */
function choice(nodes: NodeSet, task: Task, options: ScheduleOptions): NodeLoad | undefined {
  const { nodeId: _node, ...rest } = task;
  const [decision] = schedule(nodes, [rest], options);
  return decision?.nodeId === undefined ? undefined : nodes.load(decision.nodeId);
}

/** Whether a task, on neither of the nodes, is clearly better placed on `to`; what comes first in the order decides. */
function isWorthIt(
  nodes: NodeSet,
  { requirement, from, to }: { readonly requirement: Requirement; readonly from: NodeLoad; readonly to: NodeLoad },
  { now }: RebalanceOptions,
): boolean {
  const branches = branchGain(nodes, requirement, { from, to });
  if (branches !== 0) return branches > 0;
  const [before, after] = [from, to].map((load) => Score.ofService(load, requirement, now));
  if (before === undefined || after === undefined || after.penalty > before.penalty) return false;
  const { strategy } = requirement;
  if (strategy === "spread" && before.tasksOfService !== after.tasksOfService)
    return before.tasksOfService > after.tasksOfService;
  return before.cost - after.cost > GAIN_MIN[strategy];
}

/** How many tasks fewer the first branch has that the nodes don't share; 0 when they share all, or it makes no difference. */
function branchGain(
  nodes: NodeSet,
  { preferences, serviceId }: Requirement,
  { from, to }: { readonly from: NodeLoad; readonly to: NodeLoad },
): number {
  let inside = [...nodes.concernedBy(serviceId)];
  for (const { spread } of preferences) {
    const valueOf = ({ node }: NodeLoad): string | undefined => node && nodeAttribute(node, spread);
    const count = (value: string | undefined): number =>
      inside.reduce((sum, load) => sum + (valueOf(load) === value ? load.wantedOf(serviceId) : 0), 0);
    const [left, entered] = [valueOf(from), valueOf(to)];
    // Within one task of each other both are as even as can be, and the rest of the order must not undo that.
    if (left !== entered) return count(left) > count(entered) ? 1 : -1;
    inside = inside.filter((load) => valueOf(load) === left);
  }
  return 0;
}
