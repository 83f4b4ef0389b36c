import { codeOf, messageOf, sleep, type Clock, type Log, type Scope } from "@murmur/base";
import type { InternalCommand } from "@murmur/model";
import { entryBytes } from "./codec.ts";

/** The most commands, and about the most bytes, that one log entry carries; more wait for the next. */
const COMMANDS_PER_ENTRY = 256;
const BYTES_PER_ENTRY = 512 * 1024;
/** The most commands that wait; the sessions are not read while there are more. */
const WAITING_LIMIT = 4_096;
/** Between two tries while there is no leader. */
const RETRY_MS = 100;

export interface ReportBatcherOptions {
  readonly submit: (commands: readonly InternalCommand[]) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Waiting {
  readonly command: InternalCommand;
  readonly bytes: number;
  readonly done: () => void;
  readonly isLost: () => boolean;
}

/**
 * Gathers the agents' reports into few log entries: one entry is on its way at a time, and all that arrives meanwhile
 * goes into the next. Under load the entries grow instead of their number.
 */
export class ReportBatcher {
  readonly #options: ReportBatcherOptions;
  readonly #scope: Scope;
  #waiting: Waiting[] = [];
  #room: (() => void)[] = [];
  #flushing = false;

  constructor(options: ReportBatcherOptions, scope: Scope) {
    this.#options = options;
    this.#scope = scope;
    scope.signal.addEventListener("abort", () => this.#releaseAll(), { once: true });
  }

  get size(): number {
    return this.#waiting.length;
  }

  /**
   * Adds a command; resolves when there is room for more, `done` is called when it is committed. It is dropped once
   * `isLost` says that its session is: the agent says all of it again on its next one, and newer things, and what comes
   * from here after a time without a leader may come later than those.
   */
  async add(command: InternalCommand, done: () => void, isLost = (): boolean => false): Promise<void> {
    if (this.#scope.closed) return;
    this.#waiting.push({ command, done, isLost, bytes: entryBytes(command) });
    this.#startFlush();
    while (this.#waiting.length >= WAITING_LIMIT && !this.#scope.closed) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
  }

  #startFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#scope.run("report batch", async (signal) => {
      try {
        // Lets the other reports of this turn come along.
        await Promise.resolve();
        while (this.#waiting.length > 0 && !signal.aborted) {
          await this.#flush(this.#nextBatch(), signal);
          if (this.#waiting.length < WAITING_LIMIT) this.#releaseAll();
        }
      } finally {
        this.#flushing = false;
      }
    });
  }

  /** At least one command, and no more than fits an entry. */
  #nextBatch(): Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes;
      if (count > 0 && (bytes > BYTES_PER_ENTRY || count >= COMMANDS_PER_ENTRY)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #flush(all: readonly Waiting[], signal: AbortSignal): Promise<void> {
    const { submit, clock, log } = this.#options;
    let batch = all;
    for (;;) {
      batch = batch.filter(({ isLost }) => !isLost());
      if (batch.length === 0) return;
      try {
        await submit(batch.map(({ command }) => command));
        break;
      } catch (error) {
        if (signal.aborted) return;
        if (codeOf(error) === "invalid_argument") {
          // No later try would go better, and all other reports wait behind it. Its agent keeps it.
          log.error("a report cannot be recorded", { kind: batch[0]?.command.kind, error: messageOf(error) });
          return;
        }
        log.debug("reports wait for a leader", { code: codeOf(error), waiting: this.#waiting.length });
        await sleep(clock, RETRY_MS, signal);
      }
    }
    for (const { done } of batch) done();
  }

  #releaseAll(): void {
    for (const release of this.#room.splice(0)) release();
  }
}
