import { ClusterError, type NodeId } from "@murmur/base";
import type { Engine } from "../ports.ts";

/** The agents put these on the containers of tasks, and no label of a user's can replace them. */
const NODE_LABEL = "murmur.node.id";
const TASK_LABEL = "murmur.task.id";

/** Where an engine's containers of tasks are asked for: `find` names no other container, whatever it is given. */
export interface OwnContainers {
  /** The id of a task's container; undefined when this node has none for it. */
  find(task: string): string | undefined;
  /** The tasks whose containers have a process. */
  readonly running: readonly string[];
}

/**
 * The containers that this node's agent has made, running or not; of one task, if it is named. Errors: `unavailable` when
 * the engine doesn't answer.
 */
export async function ownContainers(
  engine: Engine,
  { self, task }: { readonly self: NodeId; readonly task?: string },
  signal: AbortSignal,
): Promise<OwnContainers> {
  const label = [`${NODE_LABEL}=${self}`, task === undefined ? TASK_LABEL : `${TASK_LABEL}=${task}`];
  const path = `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify({ label }))}`;
  const { status, body } = await engine.get(path, signal);
  if (status !== 200 || !Array.isArray(body))
    throw new ClusterError("unavailable", `the container engine answered ${String(status)} to a list of containers`);
  const ids = new Map<string, string>();
  const running: string[] = [];
  for (const container of body as readonly unknown[]) {
    if (!isContainer(container) || container.Labels[NODE_LABEL] !== self) continue;
    const named = container.Labels[TASK_LABEL];
    if (typeof named !== "string") continue;
    ids.set(named, container.Id);
    if (container.State === "running") running.push(named);
  }
  return { running, find: (wanted) => ids.get(wanted) };
}

const isContainer = (
  value: unknown,
): value is { readonly Id: string; readonly State?: unknown; readonly Labels: Readonly<Record<string, unknown>> } =>
  typeof value === "object" &&
  value !== null &&
  "Id" in value &&
  typeof value.Id === "string" &&
  "Labels" in value &&
  typeof value.Labels === "object" &&
  value.Labels !== null;
