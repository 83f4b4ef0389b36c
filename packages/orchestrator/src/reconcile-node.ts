import type { Millis, NodeId } from "@murmur/base";
import { isTerminal } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Reconciliation } from "./reconciliation.ts";
import { isAssigned } from "./task-facts.ts";

/** A node that is down for this long is not expected to say any more what became of its tasks; as in SwarmKit. */
export const ORPHAN_AFTER_MS: Millis = 24 * 60 * 60_000;

/** Gives up the tasks of a node that was removed, or that is down for too long: nobody will report on them. */
export function reconcileNode(view: View, id: NodeId, options: { readonly now: Millis }): Reconciliation {
  const { now } = options;
  const node = view.node(id);
  if (node !== undefined && node.status.state !== "down") return { commands: [] };
  const isOpen = view.tasksOfNode(id).some((task) => isAssigned(task) && !isTerminal(task.status.state));
  if (!isOpen) return { commands: [] };
  if (node === undefined) return { commands: [{ kind: "orphanTasks", nodeId: id, message: "node was removed", now }] };
  const deadline = node.status.at + ORPHAN_AFTER_MS;
  if (now < deadline) return { commands: [], wakeAt: deadline };
  return { commands: [{ kind: "orphanTasks", nodeId: id, message: "node is down for too long", now }] };
}
