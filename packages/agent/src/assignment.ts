import type { AssignmentMessage, ClusterFacts, Index, NodeSpec, Task, TaskId } from "@murmur/model";

/** What this node was told to do, as of one version of the cluster's state. */
export interface Assignment {
  readonly version: Index;
  readonly nodeSpec: NodeSpec;
  readonly tasks: ReadonlyMap<TaskId, Task>;
  readonly cluster: ClusterFacts;
}

export type Assigned =
  | { readonly kind: "applied"; readonly assignment: Assignment }
  /** The message builds on a version that isn't held: a full one must be asked for. */
  | { readonly kind: "gap" }
  | { readonly kind: "removed" };

/** Takes a message in. `held` is undefined until a full assignment came, and again at the start of each session. */
export function assign(held: Assignment | undefined, message: AssignmentMessage): Assigned {
  if (message.kind === "removed") return { kind: "removed" };
  if (message.kind === "full") {
    const { version, node, cluster } = message;
    const tasks = new Map(message.tasks.map((task) => [task.id, task]));
    return { kind: "applied", assignment: { version, nodeSpec: node.spec, tasks, cluster } };
  }
  if (held === undefined || message.from !== held.version) return { kind: "gap" };
  const tasks = new Map(held.tasks);
  for (const id of message.removed) tasks.delete(id);
  for (const task of message.updated) tasks.set(task.id, task);
  return {
    kind: "applied",
    assignment: {
      version: message.version,
      nodeSpec: message.node?.spec ?? held.nodeSpec,
      tasks,
      cluster: message.cluster ?? held.cluster,
    },
  };
}
