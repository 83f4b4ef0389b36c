import { withTimeLimit, type Abortable, type LocalNetworkRuntime, type NetworkRuntime } from "@murmur/agent";
import { ClusterError, codeOf, type Clock, type Millis } from "@murmur/base";
import { engineNetworkName, type NetworkEntry, type NetworkId } from "@murmur/model";
import { isNameOf } from "./cluster-bridges.ts";

/** How long the engine may take for one network. */
const LIMIT_MS: Millis = 60_000;
const PREFIX = "murmur.";

export interface LocalNetworksOptions {
  readonly runtime: LocalNetworkRuntime & Pick<NetworkRuntime, "removeNetwork">;
  readonly clock: Clock;
}

/** The networks of swarm scope that this node's engine has of its own, for its own tasks. */
export class LocalNetworks {
  readonly #options: LocalNetworksOptions;
  /** One is made or removed after the other: an engine that makes the same one twice at a time refuses the second. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LocalNetworksOptions) {
    this.#options = options;
  }

  /**
   * Has the engine make its own network; its name there. Errors: `failed_precondition` where it lacks the settings, or as the
   * runtime's, with the engine's words.
   */
  async ensure({ id, name, internal = false, local }: NetworkEntry, { signal }: Abortable): Promise<string> {
    const { runtime } = this.#options;
    if (local === undefined) throw new ClusterError("failed_precondition", `network ${name} is no node's own`);
    const { configFrom } = local;
    const own = engineNetworkName({ id, name });
    try {
      await this.#turn(signal, (options) => runtime.ensureLocalNetwork({ name: own, internal, ...local }, options));
    } catch (error) {
      if (codeOf(error) !== "not_found" || configFrom === undefined) throw error;
      const why = `this node has no configuration network ${configFrom}, which network ${name} takes its settings from`;
      const hint = `make it there with docker network create --config-only ${configFrom} and its settings`;
      throw new ClusterError("failed_precondition", `${why}: ${hint}`, { cause: error });
    }
    return own;
  }

  /** The engine's names of those that there are. Errors: as asking the engine. */
  names({ signal }: Abortable): Promise<readonly string[]> {
    return this.#options.runtime.localNetworks(PREFIX, { signal });
  }

  /** Removes those that aren't needed, asked before each, and that no container is in. */
  async removeAllBut(needed: () => ReadonlySet<NetworkId>, { signal }: Abortable): Promise<void> {
    const { runtime } = this.#options;
    for (const name of await this.names({ signal })) {
      try {
        await this.#turn(signal, async (options) => {
          if (!isNameOf(name, needed())) await runtime.removeNetwork(name, options);
        });
      } catch (error) {
        if (codeOf(error) !== "failed_precondition") throw error;
      }
    }
  }

  #turn(signal: AbortSignal, work: (options: Abortable) => Promise<void>): Promise<void> {
    const limit = { clock: this.#options.clock, limitMs: LIMIT_MS, who: "the engine", signal };
    const turn = this.#last.then(() => withTimeLimit(limit, work));
    this.#last = turn.catch(() => {});
    return turn;
  }
}
