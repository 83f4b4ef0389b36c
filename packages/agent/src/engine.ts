import type { Clock, Millis } from "@murmur/base";
import { Limiter } from "./limiter.ts";
import type {
  Abortable,
  Container,
  ContainerEvent,
  ContainerRequest,
  ContainerSummary,
  EngineInfo,
  EngineVolume,
  PullOptions,
  Runtime,
} from "./ports.ts";
import { SharedCall } from "./shared-call.ts";
import { withTimeLimit } from "./time-limit.ts";

/** How many calls of each sort run at once, and after how long one counts as not answered. */
export interface EngineLimits {
  readonly pulls: number;
  /** create, start, remove: enough to keep an engine busy that starts ten containers at once. */
  readonly changes: number;
  /** Inspections and signals; apart from the changes, so that a busy engine's news isn't kept waiting. */
  readonly looks: number;
  readonly pingMs: Millis;
  /** info, inspect, list, kill, and opening the event stream. */
  readonly shortMs: Millis;
  /** create, start, remove. */
  readonly longMs: Millis;
  readonly pullMs: Millis;
}

export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  pulls: 3,
  changes: 16,
  looks: 16,
  pingMs: 5_000,
  shortMs: 10_000,
  longMs: 60_000,
  pullMs: 15 * 60_000,
};

/** The runtime with limits: nothing waits for it without end, and never too much is asked of it at once. */
export class Engine implements Runtime {
  readonly #runtime: Runtime;
  readonly #clock: Clock;
  readonly #limits: EngineLimits;
  readonly #pulls: Limiter;
  readonly #changes: Limiter;
  readonly #looks: Limiter;
  /** Pulls under way, by image and login: tasks of the same ones share one. */
  readonly #pulling = new Map<string, SharedCall<void>>();

  constructor(runtime: Runtime, clock: Clock, limits: EngineLimits) {
    this.#runtime = runtime;
    this.#clock = clock;
    this.#limits = limits;
    this.#pulls = new Limiter(limits.pulls);
    this.#changes = new Limiter(limits.changes);
    this.#looks = new Limiter(limits.looks);
  }

  /** Calls under way and waiting; for metrics. */
  get load(): { readonly running: number; readonly waiting: number } {
    const all = [this.#pulls, this.#changes, this.#looks];
    return {
      running: all.reduce((sum, limiter) => sum + limiter.running, 0),
      waiting: all.reduce((sum, limiter) => sum + limiter.waiting, 0),
    };
  }

  ping({ signal }: Abortable): Promise<void> {
    return this.#limited(this.#limits.pingMs, signal, (options) => this.#runtime.ping(options));
  }

  info({ signal }: Abortable): Promise<EngineInfo> {
    return this.#limited(this.#limits.shortMs, signal, (options) => this.#runtime.info(options));
  }

  /** Tasks that ask for the same image share a pull; it is given up when the last of them has left. */
  async pull(image: string, { signal, login }: PullOptions): Promise<void> {
    signal.throwIfAborted();
    // Not shared with who has another login: what one may pull isn't the other's.
    const key = JSON.stringify([image, login]);
    const more = login === undefined ? {} : { login };
    const pull = this.#pulling.get(key) ?? new SharedCall((options) => this.#pull(image, { ...options, ...more }));
    this.#pulling.set(key, pull);
    try {
      await pull.wait(signal);
    } finally {
      if (pull.over && this.#pulling.get(key) === pull) this.#pulling.delete(key);
    }
  }

  create(request: ContainerRequest, { signal }: Abortable): Promise<string> {
    return this.#change(signal, (options) => this.#runtime.create(request, options));
  }

  start(containerId: string, { signal }: Abortable): Promise<void> {
    return this.#change(signal, (options) => this.#runtime.start(containerId, options));
  }

  remove(containerId: string, { signal }: Abortable): Promise<void> {
    return this.#change(signal, (options) => this.#runtime.remove(containerId, options));
  }

  kill(containerId: string, signalName: string, { signal }: Abortable): Promise<void> {
    return this.#look(signal, (options) => this.#runtime.kill(containerId, signalName, options));
  }

  inspect(idOrName: string, { signal }: Abortable): Promise<Container> {
    return this.#look(signal, (options) => this.#runtime.inspect(idOrName, options));
  }

  list(labels: Readonly<Record<string, string>>, { signal }: Abortable): Promise<readonly ContainerSummary[]> {
    return this.#limited(this.#limits.shortMs, signal, (options) => this.#runtime.list(labels, options));
  }

  volumes({ signal }: Abortable): Promise<readonly EngineVolume[]> {
    return this.#limited(this.#limits.shortMs, signal, (options) => this.#runtime.volumes(options));
  }

  /** The limit is on subscribing; the stream itself ends with `signal`. */
  events(labels: Readonly<Record<string, string>>, { signal }: Abortable): Promise<AsyncIterable<ContainerEvent>> {
    return this.#limited(this.#limits.shortMs, signal, () => this.#runtime.events(labels, { signal }));
  }

  #pull(image: string, { signal, ...login }: PullOptions): Promise<void> {
    const work = (options: Abortable): Promise<void> => this.#runtime.pull(image, { ...options, ...login });
    return this.#pulls.run(() => this.#limited(this.#limits.pullMs, signal, work), signal);
  }

  #change<T>(signal: AbortSignal, work: (options: Abortable) => Promise<T>): Promise<T> {
    return this.#changes.run(() => this.#limited(this.#limits.longMs, signal, work), signal);
  }

  #look<T>(signal: AbortSignal, work: (options: Abortable) => Promise<T>): Promise<T> {
    return this.#looks.run(() => this.#limited(this.#limits.shortMs, signal, work), signal);
  }

  #limited<T>(limitMs: Millis, signal: AbortSignal, work: (options: Abortable) => Promise<T>): Promise<T> {
    return withTimeLimit({ clock: this.#clock, limitMs, who: "the engine", signal }, work);
  }
}
