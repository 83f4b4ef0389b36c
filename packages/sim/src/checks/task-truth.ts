import { isTerminal, wantsToRun, type Task, type TaskId } from "@murmur/model";
import type { ChangeBatch, View } from "@murmur/store";

/** A task as the newest replica that was ever seen has it. */
export interface TaskFacts {
  readonly nodeId: string | undefined;
  /** It is wanted, and has not ended. */
  readonly wanted: boolean;
}

/** What is committed of the tasks, as far as any replica has ever shown it. */
export class TaskTruth {
  #version = 0;
  readonly #tasks = new Map<TaskId, TaskFacts>();
  /** Called when a task that was wanted isn't any more. */
  onUnwanted: (id: TaskId, why: "wish" | "end") => void = () => {};

  get(id: TaskId): TaskFacts | undefined {
    return this.#tasks.get(id);
  }

  seed(view: View): void {
    if (view.version <= this.#version) return;
    this.#version = view.version;
    const gone = new Set(this.#tasks.keys());
    for (const task of view.tasks()) {
      gone.delete(task.id);
      this.#put(task);
    }
    for (const id of gone) this.#delete(id);
  }

  take(batch: ChangeBatch): void {
    if (batch.index <= this.#version) return;
    this.#version = batch.index;
    for (const change of batch.changes) {
      if (change.table !== "tasks") continue;
      if (change.kind === "put") this.#put(change.current);
      else this.#delete(change.previous.id);
    }
  }

  #put({ id, nodeId, desiredState, status }: Task): void {
    const before = this.#tasks.get(id);
    const wished = wantsToRun(desiredState);
    const ended = isTerminal(status.state);
    this.#tasks.set(id, { nodeId, wanted: wished && !ended });
    if (before?.wanted === true && (!wished || ended)) this.onUnwanted(id, ended ? "end" : "wish");
  }

  #delete(id: TaskId): void {
    const before = this.#tasks.get(id);
    this.#tasks.delete(id);
    if (before?.wanted === true) this.onUnwanted(id, "wish");
  }
}
