import { messageOf } from "./errors.ts";
import type { Log } from "./log.ts";

/**
 * The lifetime of background work. Everything that runs in the background is started in a scope; disposing the scope
 * aborts its signal and waits until all of it has ended. A scope cannot be used after it was closed.
 */
export class Scope implements AsyncDisposable {
  readonly #controller = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #cleanups: (() => void | Promise<void>)[] = [];
  readonly #log: Log;
  readonly #onFailure: (error: unknown) => void;

  /** `onFailure` is called when a background task ends with an error while the scope is open; the default logs it. */
  constructor(log: Log, onFailure: (error: unknown) => void = () => {}) {
    this.#log = log;
    this.#onFailure = onFailure;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get closed(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Number of background tasks that have not ended; for metrics and leak checks. */
  get running(): number {
    return this.#running.size;
  }

  /** Starts background work. Its errors are logged and given to `onFailure`, except the abort's own. */
  run(name: string, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.closed) return;
    const task = work(this.signal)
      .catch((error: unknown) => {
        if (this.closed) return;
        this.#log.error(`${name} failed`, { error: messageOf(error) });
        this.#onFailure(error);
      })
      .finally(() => this.#running.delete(task));
    this.#running.add(task);
  }

  /** Registers what must happen when the scope ends; run in reverse order, after the background tasks have ended. */
  defer(cleanup: () => void | Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  /** Registers a resource to be disposed with the scope, and returns it. */
  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.defer(async () => {
      if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
      else resource[Symbol.dispose]();
    });
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.closed) this.#controller.abort(new Error("scope closed"));
    await Promise.all(this.#running);
    for (let cleanup = this.#cleanups.pop(); cleanup !== undefined; cleanup = this.#cleanups.pop()) {
      try {
        await cleanup();
      } catch (error) {
        this.#log.error("cleanup failed", { error: messageOf(error) });
      }
    }
  }
}
