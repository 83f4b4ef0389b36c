import type { Task, TaskId } from "@murmur/model";
import type { Change, View } from "@murmur/store";
import { isPending } from "./task-facts.ts";

/**
 * The tasks that wait for a node, in the order in which they began to wait; kept up to date by the store's changes. Those
 * that fit nowhere are set aside until something could have made room.
 */
export class PendingTasks {
  #tasks = new Map<TaskId, Task>();
  #aside = new Map<TaskId, Task>();

  static of(view: View): PendingTasks {
    const pending = new PendingTasks();
    for (const task of view.tasks()) if (isPending(task)) pending.#tasks.set(task.id, task);
    return pending;
  }

  /** How many wait, those that were set aside left out. */
  get size(): number {
    return this.#tasks.size;
  }

  /** The first of those that wait. */
  first(count: number): readonly Task[] {
    const tasks: Task[] = [];
    for (const task of this.#tasks.values()) {
      if (tasks.length >= count) break;
      tasks.push(task);
    }
    return tasks;
  }

  /** All of them, also those that were set aside. */
  list(): readonly Task[] {
    return [...this.#aside.values(), ...this.#tasks.values()];
  }

  setAside(id: TaskId): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    this.#tasks.delete(id);
    this.#aside.set(id, task);
  }

  /** Those that were set aside wait again, before the others. */
  recall(): void {
    if (this.#aside.size === 0) return;
    for (const [id, task] of this.#tasks) this.#aside.set(id, task);
    this.#tasks = this.#aside;
    this.#aside = new Map();
  }

  apply(change: Change): void {
    if (change.table !== "tasks") return;
    const { previous, current } = change;
    if (previous !== undefined && (current === undefined || !isPending(current))) {
      this.#tasks.delete(previous.id);
      this.#aside.delete(previous.id);
    } else if (current !== undefined && isPending(current)) {
      if (this.#aside.has(current.id)) this.#aside.set(current.id, current);
      else this.#tasks.set(current.id, current);
    }
  }
}
