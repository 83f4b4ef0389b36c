import type { Millis, Random } from "@murmur/base";
import type { RebalancePolicy } from "@murmur/model";
import { chance, logBetween } from "../faults/fault.ts";
import { randomFor, type World } from "../world/world.ts";

/** A change that isn't taken within that is given up. */
const PATIENCE_MS: Millis = 10_000;

/** Somebody who turns the policy of rebalancing on and off; hastier than anybody would want it. */
export class Rebalancing {
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World) {
    this.#world = world;
    this.#random = randomFor(world.seed, "rebalancing");
  }

  /** The last policy stays. */
  async keepGoing(isOver: () => boolean): Promise<void> {
    const { clock } = this.#world;
    const pause = (forMs: Millis) => new Promise<void>((resolve) => void clock.setTimer(forMs, resolve));
    await pause(logBetween(this.#random, 1_000, 20_000));
    while (!isOver()) {
      await this.#set(this.#draw());
      await pause(logBetween(this.#random, 5_000, 120_000));
    }
  }

  #draw(): RebalancePolicy | undefined {
    const random = this.#random;
    if (chance(random, 0.2)) return undefined;
    return {
      movesAtOnce: 1 + random.below(5),
      calmMs: Math.round(logBetween(random, 1_000, 5_000)),
      restMs: Math.round(logBetween(random, 1_000, 30_000)),
    };
  }

  async #set(policy: RebalancePolicy | undefined): Promise<void> {
    const { clock, leader } = this.#world;
    const cluster = leader?.manager?.view.cluster();
    if (cluster === undefined) return;
    const { rebalance: _before, ...rest } = cluster.spec;
    const spec = policy === undefined ? rest : { ...rest, rebalance: policy };
    const controller = new AbortController();
    const timer = clock.setTimer(PATIENCE_MS, () => controller.abort(new Error("the user gives up")));
    const command = { kind: "updateCluster", version: cluster.version, spec, now: clock.now() } as const;
    const gaveUp = new Promise<void>((resolve) => controller.signal.addEventListener("abort", () => resolve()));
    await Promise.race([
      leader?.manager?.submit(command, controller.signal).then(
        () => {},
        () => {},
      ),
      gaveUp,
    ]);
    timer.cancel();
  }
}
