import type { TaskId } from "@murmur/model";
import type { TaskFile, TaskFiles } from "./ports.ts";

/** Files of tasks in memory, for tests and the simulator. Like a directory, they outlive the agents that use them. */
export class SimulatedFiles implements TaskFiles {
  readonly #files = new Map<TaskId, readonly TaskFile[]>();
  #changes = 0;

  /** Raised whenever something is written or removed. */
  get changes(): number {
    return this.#changes;
  }

  /** What there is of a task; undefined: nothing. */
  of(task: TaskId): readonly TaskFile[] | undefined {
    return this.#files.get(task);
  }

  tasks(): readonly TaskId[] {
    return [...this.#files.keys()];
  }

  /** The host has lost its memory. */
  reset(): void {
    this.#files.clear();
    this.#changes += 1;
  }

  write(task: TaskId, files: readonly TaskFile[]): Promise<readonly string[]> {
    this.#files.set(task, files);
    this.#changes += 1;
    return Promise.resolve(files.map((_, at) => `/simulated/${task}/${String(at)}`));
  }

  remove(task: TaskId): Promise<void> {
    if (this.#files.delete(task)) this.#changes += 1;
    return Promise.resolve();
  }

  list(): Promise<readonly TaskId[]> {
    return Promise.resolve(this.tasks());
  }
}
