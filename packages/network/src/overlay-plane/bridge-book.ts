import { ClusterError, messageOf, sleep, type Clock, type Log, type Millis, type Scope } from "@murmur/base";
import type { NetworkId } from "@murmur/model";
import type { LocalNetwork } from "./needed-networks.ts";
import { bridgeOf } from "./overlay-state.ts";

const RETRY_FIRST_MS: Millis = 250;
const RETRY_MAX_MS: Millis = 10_000;

export interface BridgeOptions {
  readonly signal: AbortSignal;
  /**
   * The cluster's networks, as far as this node was told: no two of them have addresses in common, so what is in the way of
   * one is none of these.
   */
  readonly known: () => ReadonlySet<NetworkId>;
}

/** Makes the bridges of networks on this node: the container engine, which has them for its containers. */
export interface BridgeMaker {
  /** Sees to it that the network has its bridge, named by `bridgeOf`. Rejects with the reason. */
  ensure(network: LocalNetwork, options: BridgeOptions): Promise<void>;
}

export interface BridgeBookOptions {
  readonly maker: BridgeMaker;
  readonly known: BridgeOptions["known"];
  /** The bridges that the host has now, and that their maker is done with. */
  readonly look: () => Promise<ReadonlySet<string>>;
  /** There is another bridge. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly scope: Scope;
}

/**
 * Which networks have a bridge here, so that those can be rendered. The others' are asked for beside: an engine that
 * doesn't answer must not hold up what has nothing to do with it. At most one request for each network is under way.
 */
export class BridgeBook {
  readonly #options: BridgeBookOptions;
  #there: ReadonlySet<string> = new Set();
  readonly #making = new Map<NetworkId, { wanted: boolean; problem?: string }>();

  constructor(options: BridgeBookOptions) {
    this.#options = options;
  }

  /** Why there is no bridge yet; undefined when nothing went wrong. */
  problem(id: NetworkId): string | undefined {
    return this.#making.get(id)?.problem;
  }

  problems(): readonly string[] {
    return [...this.#making.values()].flatMap(({ problem }) => problem ?? []);
  }

  /** Looks anew the next time: something may have gone. */
  forget(): void {
    this.#there = new Set();
  }

  /** Those of the networks that have a bridge; for the rest it is asked for. @throws ClusterError when it can't look */
  async ready<T extends LocalNetwork>(networks: readonly T[]): Promise<readonly T[]> {
    const isThere = ({ id }: T): boolean => this.#there.has(bridgeOf(id));
    if (!networks.every(isThere)) this.#there = await this.#options.look();
    const lacking = new Set(networks.filter((network) => !isThere(network)).map(({ id }) => id));
    for (const [id, making] of this.#making) making.wanted = lacking.has(id);
    for (const network of networks) if (lacking.has(network.id)) this.#make(network);
    return networks.filter(isThere);
  }

  #make(network: LocalNetwork): void {
    const { maker, known, look, clock, log, scope, onChange } = this.#options;
    if (this.#making.has(network.id)) return;
    const making: { wanted: boolean; problem?: string } = { wanted: true };
    this.#making.set(network.id, making);
    scope.run("bridge", async (signal) => {
      try {
        for (let delayMs = RETRY_FIRST_MS; making.wanted; delayMs = Math.min(RETRY_MAX_MS, delayMs * 2)) {
          try {
            await maker.ensure(network, { signal, known });
            if ((await look()).has(bridgeOf(network.id))) return;
            throw new ClusterError("unavailable", `the engine's bridge ${bridgeOf(network.id)} is missing or down`);
          } catch (error) {
            const problem = `network ${network.name} can't be had on this node: ${messageOf(error)}`;
            if (problem !== making.problem && !signal.aborted) log.warn(problem);
            making.problem = problem;
          }
          await sleep(clock, delayMs, signal);
        }
      } finally {
        this.#making.delete(network.id);
        onChange();
      }
    });
  }
}
