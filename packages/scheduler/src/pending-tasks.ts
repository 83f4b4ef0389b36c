import type { Task, TaskId } from "@murmur/model";
import type { Change, View } from "@murmur/store";
import { isPending } from "./node-load.ts";

/** The tasks that wait for a node, in the order in which they began to wait; kept up to date by the store's changes. */
export class PendingTasks {
  readonly #tasks = new Map<TaskId, Task>();

  static of(view: View): PendingTasks {
    const pending = new PendingTasks();
    for (const task of view.tasks()) if (isPending(task)) pending.#tasks.set(task.id, task);
    return pending;
  }

  get size(): number {
    return this.#tasks.size;
  }

  list(): readonly Task[] {
    return [...this.#tasks.values()];
  }

  apply(change: Change): void {
    if (change.table !== "tasks") return;
    if (change.previous !== undefined && (change.current === undefined || !isPending(change.current))) {
      this.#tasks.delete(change.previous.id);
    } else if (change.current !== undefined && isPending(change.current)) {
      this.#tasks.set(change.current.id, change.current);
    }
  }
}
