import { codeOf, sleep, type Clock, type Log, type Scope } from "@murmur/base";
import type { InternalCommand } from "@murmur/model";

/** The most commands that one log entry carries; more wait for the next. */
const COMMANDS_PER_ENTRY = 256;
/** The most commands that wait; the sessions are not read while there are more. */
const WAITING_LIMIT = 4_096;
/** Between two tries while there is no leader. */
const RETRY_MS = 100;

interface Waiting {
  readonly command: InternalCommand;
  readonly done: () => void;
}

/**
 * Gathers the agents' reports into few log entries: one entry is on its way at a time, and all that arrives meanwhile
 * goes into the next. Under load the entries grow instead of their number.
 */
export class ReportBatcher {
  readonly #submit: (commands: readonly InternalCommand[]) => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Log;
  #waiting: Waiting[] = [];
  #room: (() => void)[] = [];
  #flushing = false;
  readonly #scope: Scope;

  constructor(options: {
    readonly submit: (commands: readonly InternalCommand[]) => Promise<void>;
    readonly clock: Clock;
    readonly log: Log;
    readonly scope: Scope;
  }) {
    this.#submit = options.submit;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#scope = options.scope;
    options.scope.defer(() => this.#releaseAll());
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Adds a command; resolves when there is room for more, `done` is called when it is committed. */
  async add(command: InternalCommand, done: () => void): Promise<void> {
    if (this.#scope.closed) return;
    this.#waiting.push({ command, done });
    this.#startFlush();
    while (this.#waiting.length >= WAITING_LIMIT && !this.#scope.closed) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
  }

  #startFlush(): void {
    if (this.#flushing || this.#waiting.length === 0) return;
    this.#flushing = true;
    this.#scope.run("report batch", async (signal) => {
      try {
        // Lets the other reports of this turn come along.
        await Promise.resolve();
        while (this.#waiting.length > 0 && !signal.aborted) await this.#flush(signal);
      } finally {
        this.#flushing = false;
      }
    });
  }

  async #flush(signal: AbortSignal): Promise<void> {
    const batch = this.#waiting.splice(0, COMMANDS_PER_ENTRY);
    for (;;) {
      try {
        await this.#submit(batch.map(({ command }) => command));
        break;
      } catch (error) {
        if (signal.aborted) return;
        this.#log.debug("reports wait for a leader", { code: codeOf(error), waiting: this.#waiting.length });
        await sleep(this.#clock, RETRY_MS, signal);
      }
    }
    for (const { done } of batch) done();
    if (this.#waiting.length < WAITING_LIMIT) this.#releaseAll();
  }

  #releaseAll(): void {
    for (const release of this.#room.splice(0)) release();
  }
}
