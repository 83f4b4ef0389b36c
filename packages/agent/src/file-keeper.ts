import { messageOf, sleep, type Clock, type Log, type Millis, type Scope } from "@murmur/base";
import type { TaskId } from "@murmur/model";
import type { TaskFiles } from "./ports.ts";

export interface FileKeeperOptions {
  readonly files: TaskFiles;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long a restart by hand takes at the most, from the end of the one run to the start of the other. */
const RESTART_MS: Millis = 2_000;

/** Sees to it that the files of a task go when it has ended. What goes wrong is made good at the next sweep. */
export class FileKeeper {
  readonly #options: FileKeeperOptions;
  #sweeping = false;

  constructor(options: FileKeeperOptions) {
    this.#options = options;
  }

  /** Nothing of the task is left. */
  drop(id: TaskId): void {
    const { files, scope } = this.#options;
    scope.run("remove a task's files", () => this.#orLog(() => files.remove(id)));
  }

  /** The task has ended. Somebody who restarts its container by hand is between its two runs now: the second needs them. */
  dropSoon(id: TaskId): void {
    const { files, scope, clock } = this.#options;
    scope.run("remove a task's files", async (signal) => {
      await sleep(clock, RESTART_MS, signal);
      await this.#orLog(() => files.remove(id));
    });
  }

  /** Removes the files of all tasks that can't use them any more. `isUsed` is asked right before each removal. */
  sweep(isUsed: (id: TaskId) => boolean): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    const { files, scope } = this.#options;
    scope.run("look for files that nobody uses", async (signal) => {
      await this.#orLog(async () => {
        for (const id of await files.list()) if (!signal.aborted && !isUsed(id)) await files.remove(id);
      });
      this.#sweeping = false;
    });
  }

  async #orLog(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.log.warn("files of a task could not be removed", { error: messageOf(error) });
    }
  }
}
