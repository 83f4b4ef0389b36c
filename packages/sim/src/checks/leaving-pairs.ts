import type { NodeId } from "@murmur/base";
import { isLeaving, type ClusterNode, type Task, type TaskId } from "@murmur/model";

/** Which tasks were made to take over from one that was leaving at that moment. */
export class LeavingPairs {
  readonly #before = new Map<TaskId, Set<TaskId>>();

  /** A task was made in a slot. `nodes`: as they were then. */
  made(task: Task, slot: readonly Task[], nodes: ReadonlyMap<NodeId, ClusterNode>): void {
    for (const other of slot) {
      const node = other.nodeId === undefined ? undefined : nodes.get(other.nodeId);
      if (other.id === task.id || task.slot === 0 || !isLeaving(other, node, task.createdAt)) continue;
      const before = this.#before.get(task.id) ?? new Set();
      this.#before.set(task.id, before.add(other.id));
    }
  }

  has(first: Task, second: Task): boolean {
    const isAfter = (task: Task, other: Task): boolean => this.#before.get(task.id)?.has(other.id) === true;
    return isAfter(second, first) || isAfter(first, second);
  }
}
