import type { NodeId } from "@murmur/base";
import type { Task } from "../docker/task-types.ts";
import { askJson } from "../http/system-routes.ts";
import { TASKS_MAX } from "../tasks/task-limits.ts";
import { nameOfNode, nodeOfLog, type LogTarget, type LogWorld, type ShownEntry } from "./log-target.ts";
import type { LogWish } from "./log-wish.ts";
import { nodeLogs } from "./node-logs.ts";
import { TimeMerge, type Patience } from "./time-merge.ts";

/** Every node is waited for until it has answered or is given up, so that lines come in the order of their times. */
const PATIENCE: Patience = { firstMs: 6_000, laterMs: 20_000 };

/**
 * What the tasks of a service have written so far, in the order of time. What can't be had is said at the end, with the
 * nodes' names; it holds up nothing for longer than some seconds. The signal ends it. Errors: those of reading the cluster.
 */
export async function* pastLogs(
  world: LogWorld,
  { target, wish }: { readonly target: LogTarget; readonly wish: LogWish },
  signal: AbortSignal,
): AsyncGenerator<readonly ShownEntry[], void, undefined> {
  const { ports, askCluster } = world;
  const nodes = byNode(await tasksOf(world, target, signal));
  const merge = new TimeMerge(ports.clock, PATIENCE);
  for (const [node, tasks] of nodes) {
    for (const task of tasks) world.onTask?.(task, node);
    for (let at = 0; at < tasks.length; at += TASKS_MAX)
      merge.add(nodeLogs(ports, { node, tasks: tasks.slice(at, at + TASKS_MAX), wish }, signal));
  }
  merge.finish();
  const silent = new Map<NodeId, string>();
  const unreadable = new Set<string>();
  for await (const batch of merge.batches()) {
    const shown: ShownEntry[] = [];
    for (const entry of batch) {
      if (entry.kind === "stdout" || entry.kind === "stderr") shown.push(entry);
      if (entry.kind === "unreadable") unreadable.add(entry.message);
      const node = entry.kind === "lost" && [...nodes].find(([, tasks]) => tasks.includes(entry.task))?.[0];
      if (entry.kind === "lost" && node) silent.set(node, entry.message);
    }
    if (shown.length > 0) yield shown;
  }
  const reasons = [...unreadable];
  for (const [node, message] of silent)
    reasons.push(`node ${await nameOfNode(askCluster, node, signal)} is not available: ${message}`);
  if (reasons.length > 0) yield [{ kind: "incomplete", message: reasons.join("; ") }];
}

async function tasksOf({ askCluster }: LogWorld, { service, task }: LogTarget, signal: AbortSignal): Promise<Task[]> {
  if (task !== undefined) return [await askJson<Task>(askCluster, `/tasks/${task}`, signal)];
  const filters = encodeURIComponent(JSON.stringify({ service: [service] }));
  return askJson<Task[]>(askCluster, `/tasks?filters=${filters}`, signal);
}

function byNode(tasks: readonly Task[]): ReadonlyMap<NodeId, readonly string[]> {
  const nodes = new Map<NodeId, string[]>();
  for (const task of tasks) {
    const node = nodeOfLog(task);
    if (node === undefined) continue;
    const known = nodes.get(node);
    if (known === undefined) nodes.set(node, [task.ID]);
    else known.push(task.ID);
  }
  return nodes;
}
