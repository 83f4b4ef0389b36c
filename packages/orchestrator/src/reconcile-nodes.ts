import type { Millis } from "@murmur/base";
import { isTerminal } from "@murmur/model";
import type { View } from "@murmur/store";
import type { OrchestratorCommand, Reconciliation } from "./reconciliation.ts";

/** A node that is down for this long is not expected to say any more what became of its tasks; as in SwarmKit. */
export const ORPHAN_AFTER_MS: Millis = 24 * 60 * 60_000;

/** Gives up the tasks of nodes that are down for too long. O(nodes), and the tasks of nodes that are down. */
export function reconcileNodes(view: View, options: { readonly now: Millis }): Reconciliation {
  const { now } = options;
  const commands: OrchestratorCommand[] = [];
  let wakeAt: Millis | undefined;
  for (const { id, status } of view.nodes()) {
    if (status.state !== "down" || view.tasksOfNode(id).every((task) => isTerminal(task.status.state))) continue;
    const deadline = status.at + ORPHAN_AFTER_MS;
    if (now < deadline) wakeAt = Math.min(wakeAt ?? deadline, deadline);
    else commands.push({ kind: "orphanTasks", nodeId: id, message: "node is down for too long", now });
  }
  return { commands, ...(wakeAt === undefined ? {} : { wakeAt }) };
}
