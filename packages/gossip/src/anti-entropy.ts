import { shuffled, type Millis, type Random } from "@murmur/base";
import { exchangeIntervalFor, type SwimConfig } from "./config.ts";
import type { Membership } from "./membership.ts";
import type { Roster } from "./roster.ts";
import type { Self } from "./self.ts";
import type { StateExchange } from "./state-exchange.ts";

export interface AntiEntropyDeps {
  config: SwimConfig;
  self: Self;
  roster: Roster;
  membership: Membership;
  exchange: StateExchange;
  random: Random;
}

/** Addresses to join by; of more, the first are kept. */
const SEEDS_MAX = 64;
/** Seeds asked at once. */
const SEEDS_AT_ONCE = 8;

/**
 * When full states are exchanged: on joining, often after news and else now and then with
 * a random member, and now and then with one that is held
 * dead, so that two halves of a cluster find each other when the network has healed.
 */
export class AntiEntropy {
  readonly #deps: AntiEntropyDeps;
  #seeds: readonly string[] = [];
  /** The pause until the next exchange, before it is spread. */
  #pauseMs: Millis;
  #exchangeAt: Millis;
  #reconnectAt: Millis;

  constructor(deps: AntiEntropyDeps, now: Millis) {
    this.#deps = deps;
    this.#pauseMs = deps.config.exchangeHurryMs;
    this.#exchangeAt = now + this.#spread(this.#pauseMs);
    this.#reconnectAt = now + this.#spread(deps.config.reconnectIntervalMs);
  }

  get deadline(): Millis {
    return Math.min(this.#exchangeAt, this.#reconnectAt);
  }

  /** Exchanges states with these addresses, and keeps trying while this node is alone. */
  join(addresses: readonly string[], now: Millis): void {
    const own = this.#deps.self.address;
    const seeds = new Set([...addresses, ...this.#seeds].filter((address) => address !== own));
    this.#seeds = [...seeds].slice(0, SEEDS_MAX);
    const wanted = this.#seeds.filter((seed) => addresses.includes(seed));
    for (const address of shuffled(wanted, this.#deps.random).slice(0, SEEDS_AT_ONCE)) {
      this.#deps.exchange.request({ address, id: undefined }, now);
    }
  }

  /** An exchange has brought news: there may be more. */
  hurry(now: Millis): void {
    this.#pauseMs = this.#deps.config.exchangeHurryMs;
    this.#exchangeAt = Math.min(this.#exchangeAt, now + this.#spread(this.#pauseMs));
  }

  tick(now: Millis): void {
    const { config, membership } = this.#deps;
    if (now >= this.#exchangeAt) {
      this.#pauseMs = Math.min(2 * this.#pauseMs, exchangeIntervalFor(config, membership.live));
      this.#exchangeAt = now + this.#spread(this.#pauseMs);
      const [peer] = this.#deps.roster.sample(1, ({ state }) => state === "alive");
      if (peer !== undefined) this.#deps.exchange.request(peer, now);
    }
    if (now >= this.#reconnectAt) {
      this.#reconnectAt = now + this.#spread(config.reconnectIntervalMs);
      this.#reconnect(now);
    }
  }

  /** Each node tries one dead member with the probability that makes `reconnectFanout` attempts for each in the cluster. */
  #reconnect(now: Millis): void {
    const { config, roster, membership, exchange, random } = this.#deps;
    if (roster.live === 0) {
      const seed = this.#seeds[random.below(Math.max(1, this.#seeds.length))];
      if (seed !== undefined) exchange.request({ address: seed, id: undefined }, now);
    }
    const dead = roster.gone.filter((record) => record.status.state === "dead").length;
    if (dead === 0 || random.next() >= (config.reconnectFanout * dead) / membership.live) return;
    const [lost] = roster.sample(1, ({ state }) => state === "dead");
    if (lost !== undefined) exchange.request(lost, now);
  }

  /** A time between half and one and a half of the interval, so that nodes do not act in step. */
  #spread(intervalMs: Millis): Millis {
    return intervalMs * (0.5 + this.#deps.random.next());
  }
}
