import type { Millis } from "@murmur/base";
import { isTerminal, type Task } from "@murmur/model";
import type { View } from "@murmur/store";
import type { OrchestratorCommand, Reconciliation } from "./reconciliation.ts";

/** A node that is down for this long is not expected to say any more what became of its tasks; as in SwarmKit. */
export const ORPHAN_AFTER_MS: Millis = 24 * 60 * 60_000;

/** Gives up the tasks of nodes that are down for too long. O(nodes), and the tasks of nodes that are down. */
export function reconcileNodes(view: View, options: { readonly now: Millis }): Omit<Reconciliation, "looks"> {
  const { now } = options;
  const commands: OrchestratorCommand[] = [];
  let wakeAt: Millis | undefined;
  for (const { id, status } of view.nodes()) {
    if (status.state !== "down" || view.tasksOfNode(id).every((task) => isSettled(view, task))) continue;
    const deadline = status.at + ORPHAN_AFTER_MS;
    if (now < deadline) wakeAt = Math.min(wakeAt ?? deadline, deadline);
    else commands.push({ kind: "orphanTasks", nodeId: id, message: "node is down for too long", now });
  }
  return { commands, ...(wakeAt === undefined ? {} : { wakeAt }) };
}

/** Whether a task on a node that is down isn't given up, however long that lasts. */
const isSettled = (view: View, task: Task): boolean =>
  isTerminal(task.status.state) || view.service(task.serviceId)?.spec.onNodeLoss?.kind === "wait";
