import { isAssigned, isTerminal, ofKind, type ClusterNode, type Task } from "@murmur/model";
import type { View } from "@murmur/store";

/** What tasks reserve, counted from the tasks themselves: the checks don't trust the scheduler's own sums. */
interface Reserved {
  nanoCpus: number;
  memoryBytes: number;
  readonly generic: Map<string, number>;
}

/** One thing of which a node has less than is reserved of it, in words. */
export interface Lack {
  readonly reserved: string;
  readonly has: string;
}

/** What a node has too little of for the tasks that are given to it, and for another one if it is named. */
export function lacking(view: View, node: ClusterNode, another?: Task): Lack[] {
  const has = node.description?.resources;
  if (has === undefined) return [];
  const given = view.tasksOfNode(node.id).filter(({ status }) => isAssigned(status.state) && !isTerminal(status.state));
  const { nanoCpus, memoryBytes, generic } = sumOf(another === undefined ? given : [...given, another]);
  const amounts: [number, number, string][] = [
    [nanoCpus, has.nanoCpus, "nano CPUs"],
    [memoryBytes, has.memoryBytes, "bytes"],
  ];
  for (const [kind, amount] of generic) {
    const offer = ofKind(has.generic, kind) ?? 0;
    amounts.push([amount, typeof offer === "number" ? offer : offer.length, `of ${kind}`]);
  }
  return amounts
    .filter(([amount, offered]) => amount > offered)
    .map(([amount, offered, unit]) => ({ reserved: `${String(amount)} ${unit}`, has: String(offered) }));
}

/**
 * A task that no node can take: none of `nodes`, those that it may run on, has the room that it reserves beside the
 * tasks that are there. Nothing moves a running task to make room, so such a task rightly waits (seed 1092271105:
 * while the other hosts were away, the tasks of replicated services filled the one on which a global service's task
 * was still to start).
 */
export const waitsForRoom = (view: View, nodes: readonly ClusterNode[], task: Task): boolean =>
  task.status.state === "pending" && nodes.length > 0 && nodes.every((node) => lacking(view, node, task).length > 0);

function sumOf(tasks: readonly Task[]): Reserved {
  const sum: Reserved = { nanoCpus: 0, memoryBytes: 0, generic: new Map() };
  for (const { spec } of tasks) {
    const { nanoCpus, memoryBytes, generic, genericNames } = spec.resources.reservations;
    sum.nanoCpus += nanoCpus;
    sum.memoryBytes += memoryBytes;
    const named = Object.entries(genericNames ?? {}).map(([kind, names]) => [kind, names.length] as const);
    for (const [kind, amount] of [...Object.entries(generic ?? {}), ...named])
      sum.generic.set(kind, (sum.generic.get(kind) ?? 0) + amount);
  }
  return sum;
}
