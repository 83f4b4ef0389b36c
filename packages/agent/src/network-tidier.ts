import { messageOf, type Clock, type Log, type Millis, type Scope } from "@murmur/base";
import type { Task } from "@murmur/model";
import type { TaskNetworks } from "./ports.ts";
import { withTimeLimit } from "./time-limit.ts";

export interface NetworkTidierOptions {
  readonly networks: TaskNetworks;
  /** The tasks that have a process or are to have one. */
  readonly tasks: () => readonly Task[];
  /** Whether this node is out of its cluster. */
  readonly isOut: () => boolean;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly log: Log;
  /** No look is under way any more. */
  readonly onTidy: () => void;
}

/** How long one look may take; what is left then, the next one finds. */
const TIDY_LIMIT_MS: Millis = 30_000;

/** Has the networks removed that no task needs. One look at a time; asked meanwhile, it looks once more. */
export class NetworkTidier {
  readonly #options: NetworkTidierOptions;
  #looking = false;
  #again = false;

  constructor(options: NetworkTidierOptions) {
    this.#options = options;
  }

  tidy(): void {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    this.#options.scope.run("tidy networks", (signal) => this.#run(signal));
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (this.#again && !signal.aborted) {
      this.#again = false;
      await this.#look(signal);
    }
    this.#looking = false;
    if (!signal.aborted) this.#options.onTidy();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { networks, tasks, isOut, clock, log } = this.#options;
    const limit = { clock, limitMs: TIDY_LIMIT_MS, who: "this node's overlay", signal };
    try {
      await withTimeLimit(limit, ({ signal: either }) => networks.tidy(tasks, { signal: either, isOut: isOut() }));
    } catch (error) {
      if (!signal.aborted) log.warn("networks that no task needs may be left", { error: messageOf(error) });
    }
  }
}
