import type { Millis } from "@murmur/base";
import { isLeaving, isUpdating, taskName, wantsToRun, type ClusterNode, type Task } from "@murmur/model";
import type { View } from "@murmur/store";
import { isUp } from "./task-facts.ts";

/**
 * Whether the cluster is calm: every active node is ready, every task that is wanted is up, and no update, drain or move
 * is under way. `since`: when the last of all that changed. `obstacle`: what stands in the way, for people; `until`: when
 * it ends by itself, where that is known.
 */
export type Calm =
  { readonly since: Millis } | { readonly obstacle: string; readonly until?: Millis; readonly moving?: number };

/** O(nodes + services + tasks), less where something is in the way. */
export function calmOf(view: View, now: Millis): Calm {
  let since: Millis = 0;
  for (const node of view.nodes()) {
    const { status, spec, createdAt } = node;
    if (spec.availability === "active" && (status.state !== "ready" || status.engine.state !== "ready"))
      return { obstacle: `node ${nameOf(node)} isn't ready` };
    since = Math.max(since, status.at, status.engine.at, createdAt);
  }
  for (const service of view.services()) {
    const { removing, spec, updatedAt } = service;
    if (removing === true) return { obstacle: `service ${spec.name} is being removed` };
    if (isUpdating(service)) return { obstacle: `service ${spec.name} is being updated` };
    since = Math.max(since, updatedAt);
  }
  let moving = 0;
  let until: Millis = 0;
  for (const task of view.tasks()) {
    if (!wantsToRun(task.desiredState)) continue;
    since = Math.max(since, task.updatedAt);
    const node = task.nodeId === undefined ? undefined : view.node(task.nodeId);
    if (task.move !== undefined && isLeaving(task, undefined, now)) {
      moving += 1;
      until = Math.max(until, task.move.until);
    } else if (node !== undefined && node.spec.availability === "drain")
      return { obstacle: `node ${nameOf(node)} is being drained` };
    else if (moving === 0 && !isUp(task)) return { obstacle: whyNotUp(task) };
  }
  if (moving === 0) return { since };
  return { obstacle: moving === 1 ? "1 task is on the move" : `${moving} tasks are on the move`, until, moving };
}

const whyNotUp = (task: Task): string =>
  task.nodeId === undefined ? `task ${taskName(task)} waits for a node` : `task ${taskName(task)} isn't up`;

const nameOf = ({ description, hostname, id }: ClusterNode): string => description?.hostname ?? hostname ?? id;
