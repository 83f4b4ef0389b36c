import type { NodeId } from "@murmur/base";
import { isTerminal, type TaskState } from "@murmur/model";
import type { Node } from "../docker/node-types.ts";
import type { Task } from "../docker/task-types.ts";
import { askJson, type AskCluster } from "../http/system-routes.ts";
import type { ApiPorts } from "../ports.ts";
import type { LogLine } from "./log-entry.ts";

/** Whose log is read: all tasks of a service, or one of them. */
export interface LogTarget {
  readonly service: string;
  readonly task?: string;
}

/** What logs are gathered with. */
export interface LogWorld {
  readonly ports: Pick<ApiPorts, "askNode" | "clock" | "log">;
  readonly askCluster: AskCluster;
  /** Told of each task, before anything of its log is: where it is. */
  readonly onTask?: (task: string, node: NodeId) => void;
}

/** A line, or a word of Murmur's own about lines that can't be shown. */
export type ShownEntry =
  | LogLine
  /** Said in between, of a task's lines. */
  | { readonly kind: "notice"; readonly task: string; readonly at: string; readonly message: string }
  /** Said last. */
  | { readonly kind: "incomplete"; readonly message: string };

/** Whether a task has, or has had, a container that may have written something; and whose that is. */
export function nodeOfLog(task: Task): NodeId | undefined {
  const { State, ContainerStatus } = task.Status;
  // One whose state says that it ended was started, unless it was rejected.
  const begun = State === "starting" || State === "running" || hasEnded(task);
  // Written by this package's own routes: an id of a node.
  return begun && ContainerStatus !== undefined ? (task.NodeID as NodeId | undefined) : undefined;
}

export const hasEnded = ({ Status }: Task): boolean => isTerminal(Status.State as TaskState);

/** `host2 (ID)`, as far as the cluster can be asked. */
export async function nameOfNode(askCluster: AskCluster, id: NodeId, signal: AbortSignal): Promise<string> {
  try {
    const node = await askJson<Node>(askCluster, `/nodes/${id}?consistency=local`, signal);
    return `${node.Description.Hostname} (${id})`;
  } catch {
    return id;
  }
}
