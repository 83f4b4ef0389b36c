import type { Task } from "@murmur/model";
import type { View } from "@murmur/store";

/** Whether a task's node is down, or was removed: its record may say "running" until that node is back. */
export const isLost = (view: View, { nodeId }: Task): boolean =>
  nodeId !== undefined && (view.node(nodeId)?.status.state ?? "down") === "down";
