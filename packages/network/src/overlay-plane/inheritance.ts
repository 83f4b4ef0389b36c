import type { Clock, Millis, Timer } from "@murmur/base";
import type { TaskId } from "@murmur/model";

/** What isn't there again by then isn't waited for any more: its engine doesn't answer, or it has ended meanwhile. */
const ADOPTION_MS: Millis = 5_000;

/**
 * What a former process of this node has left: rules of its own, and containers that run, each with rules in its namespace
 * that go on as they are until it is attached again. So long nobody may be told that this node sends nothing to a task any
 * more.
 */
export class Inheritance implements Disposable {
  readonly #done = Promise.withResolvers<void>();
  readonly #timer: Timer;
  /** Tasks whose containers were found running; undefined until the engine was asked. */
  #awaited: Set<TaskId> | undefined;
  #isInformed = false;

  constructor(clock: Clock) {
    this.#timer = clock.setTimer(ADOPTION_MS, () => this.#end());
  }

  /** Resolves when all is there again, or wasn't in time. */
  get adopted(): Promise<void> {
    return this.#done.promise;
  }

  /** The node knows what it should be. */
  inform(): void {
    this.#isInformed = true;
    this.#look();
  }

  /** Tasks whose containers were found running, but for those that are attached already. */
  expect(tasks: readonly TaskId[]): void {
    this.#awaited = new Set(tasks);
    this.#look();
  }

  /** It is attached again, or gone. */
  adopt(task: TaskId): void {
    this.#awaited?.delete(task);
    this.#look();
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  #look(): void {
    if (this.#isInformed && this.#awaited?.size === 0) this.#end();
  }

  #end(): void {
    this.#timer.cancel();
    this.#done.resolve();
  }
}
