import { taskId, type ServiceId, type Task, type TaskId } from "@murmur/model";
import { NodeSet, PendingTasks } from "@murmur/scheduler";
import type { Change, View } from "@murmur/store";

/**
 * What the scheduler decides on: the nodes with what they hold, and the tasks that wait. It is read from the view a slice
 * at a time, while changes go on coming in, because reading a hundred thousand tasks at once would hold everything up.
 * Invariant: it equals the view as far as it has read, if every change is given to `apply` before the next `read`.
 */
export class Fleet {
  readonly nodes = new NodeSet();
  readonly pending = new PendingTasks();
  readonly #view: View;
  readonly #services: readonly ServiceId[];
  /** How many services have been begun. */
  #begun = 0;
  /** The tasks of the service that is being read, and how many of them are. */
  #tasks: readonly Task[] = [];
  #at = 0;
  /** Tasks that are in; a change of one that isn't will be seen when it is read. Undefined when all are. */
  #read: Set<TaskId> | undefined = new Set();

  /** Reads the networks and nodes; the tasks come with `read`. */
  constructor(view: View) {
    this.#view = view;
    this.#services = view.services().map(({ id }) => id);
    for (const network of view.networks())
      this.nodes.apply({
        kind: "put",
        table: "networks",
        id: network.id,
        index: 0,
        previous: undefined,
        current: network,
      });
    for (const node of view.nodes())
      this.nodes.apply({ kind: "put", table: "nodes", id: node.id, index: 0, previous: undefined, current: node });
  }

  /** Whether all has been read. */
  get complete(): boolean {
    return this.#read === undefined;
  }

  /** Reads on, at most about so many tasks. */
  read(tasksMax: number): void {
    for (let left = tasksMax; left > 0 && this.#read !== undefined; left -= 1) {
      const task = this.#tasks[this.#at];
      if (task === undefined) this.#nextService();
      else {
        this.#at += 1;
        this.#take(task.id, this.#read);
      }
    }
  }

  /** Takes in a change of the store. */
  apply(change: Change): void {
    if (change.table === "tasks" && this.#read !== undefined) {
      if (change.previous === undefined) this.#read.add(taskId(change.id));
      else if (!this.#read.has(change.previous.id)) return;
    }
    this.nodes.apply(change);
    this.pending.apply(change);
  }

  #nextService(): void {
    const id = this.#services[this.#begun];
    this.#begun += 1;
    this.#at = 0;
    this.#tasks = id === undefined ? [] : this.#view.tasksOfService(id);
    if (id === undefined) this.#read = undefined;
  }

  /** As it is now: it may have changed, or gone, since the list was made. */
  #take(id: TaskId, read: Set<TaskId>): void {
    const current = this.#view.task(id);
    if (current === undefined || read.has(id)) return;
    read.add(id);
    const change: Change = { kind: "put", table: "tasks", id, index: 0, previous: undefined, current };
    this.nodes.apply(change);
    this.pending.apply(change);
  }
}
