import type { Clock, Millis } from "@murmur/base";
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from "./engine.ts";
import { Limiter } from "./limiter.ts";
import type { Abortable, EngineNetwork, NetworkRuntime } from "./ports.ts";
import { SharedCall } from "./shared-call.ts";
import { withTimeLimit } from "./time-limit.ts";

/** What is done to one network, or will be when all that was asked for before is done. */
interface Turn {
  /** The settings that it is to have; undefined: it is being removed. */
  readonly wish: string | undefined;
  readonly call: SharedCall<void>;
}

/**
 * The engine's networks with limits: `changes` calls at once, the others wait in order. What is asked of one network is
 * done one after the other, and who asks for the same as the one before shares its call: a network that is being removed
 * is made again after that, not found to be there. It is given up when the last who waits for it has left.
 */
export class EngineNetworks implements NetworkRuntime {
  readonly #runtime: NetworkRuntime;
  readonly #clock: Clock;
  readonly #limits: EngineLimits;
  readonly #changes: Limiter;
  /** The last turn of each network that has one. */
  readonly #last = new Map<string, Turn>();

  constructor(runtime: NetworkRuntime, clock: Clock, limits: Partial<EngineLimits> = {}) {
    this.#runtime = runtime;
    this.#clock = clock;
    this.#limits = { ...DEFAULT_ENGINE_LIMITS, ...limits };
    this.#changes = new Limiter(this.#limits.changes);
  }

  ensureNetwork(network: EngineNetwork, { signal }: Abortable): Promise<void> {
    const work = (options: Abortable): Promise<void> => this.#runtime.ensureNetwork(network, options);
    return this.#turn(network.name, { wish: JSON.stringify(network), work, signal });
  }

  removeNetwork(name: string, { signal }: Abortable): Promise<void> {
    const work = (options: Abortable): Promise<void> => this.#runtime.removeNetwork(name, options);
    return this.#turn(name, { wish: undefined, work, signal });
  }

  networks(labels: Readonly<Record<string, string>>, { signal }: Abortable): Promise<readonly string[]> {
    return this.#limited(this.#limits.shortMs, signal, (options) => this.#runtime.networks(labels, options));
  }

  async #turn(
    name: string,
    { wish, work, signal }: Abortable & Pick<Turn, "wish"> & { work: (options: Abortable) => Promise<void> },
  ): Promise<void> {
    signal.throwIfAborted();
    const last = this.#last.get(name);
    const turn = last?.wish === wish && last !== undefined ? last : this.#begin(last, wish, work);
    this.#last.set(name, turn);
    try {
      await turn.call.wait(signal);
    } finally {
      if (turn.call.over && this.#last.get(name) === turn) this.#last.delete(name);
    }
  }

  #begin(last: Turn | undefined, wish: string | undefined, work: (options: Abortable) => Promise<void>): Turn {
    const call = new SharedCall<void>(async ({ signal }) => {
      await last?.call.ended;
      await this.#changes.run(() => this.#limited(this.#limits.longMs, signal, work), signal);
    });
    return { wish, call };
  }

  #limited<T>(limitMs: Millis, signal: AbortSignal, work: (options: Abortable) => Promise<T>): Promise<T> {
    return withTimeLimit({ clock: this.#clock, limitMs, who: "the engine", signal }, work);
  }
}
