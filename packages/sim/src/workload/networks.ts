import type { Millis, Random } from "@murmur/base";
import { networkId, type NetworkId, type NetworkSpec, type ServiceSpec } from "@murmur/model";
import { chance, logBetween, oneOf } from "../faults/fault.ts";
import { randomFor, type World } from "../world/world.ts";
import { deskOf, type Desk } from "./desk.ts";

/** So many there are at once beside the default one. */
const NETWORKS_MAX = 3;

/** Networks that come and go while services join them, where tasks have addresses; elsewhere there are none. */
export class Networks {
  readonly #world: World;
  readonly #random: Random;
  /** Whether some of them have IPv6 addresses, too: in one cluster of two. */
  readonly #isDual: boolean;
  #known: readonly NetworkId[] = [];
  #made = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = randomFor(world.seed, "networks");
    this.#isDual = chance(randomFor(world.seed, "dual stack"), 0.5);
  }

  /** The networks of a new service; none of its own: the default one. It may name one that is gone by now. */
  draw(): ServiceSpec["task"]["networks"] {
    if (this.#known.length === 0 || chance(this.#random, 0.4)) return [];
    const first = oneOf(this.#known, this.#random);
    const second = chance(this.#random, 0.3) ? oneOf(this.#known, this.#random) : undefined;
    return [...new Set([first, second])].flatMap((target) => (target === undefined ? [] : [{ target, aliases: [] }]));
  }

  async keepGoing(isOver: () => boolean): Promise<void> {
    if (this.#world.dataPlane !== "overlay") return;
    while (!isOver()) {
      const desk = this.#anyManager();
      // Nobody waits: of a process that dies there is no answer.
      if (desk !== undefined) this.#change(desk).catch(() => {});
      await new Promise<void>(
        (resolve) => void this.#world.clock.setTimer(logBetween(this.#random, 1_000, 20_000), resolve),
      );
    }
  }

  async #change(desk: Desk): Promise<void> {
    const now: Millis = this.#world.clock.now();
    const { signal } = new AbortController();
    const old = oneOf(this.#known, this.#random);
    if (old !== undefined && (this.#known.length >= NETWORKS_MAX || chance(this.#random, 0.4))) {
      // Refused while a service is in it.
      await desk.submit({ kind: "removeNetwork", id: old, now }, { signal });
      this.#known = this.#known.filter((id) => id !== old);
      return;
    }
    const id = networkId(this.#world.newId());
    this.#made += 1;
    const spec: NetworkSpec = {
      name: `net${String(this.#made)}`,
      labels: {},
      attachable: false,
      internal: false,
      ...(this.#isDual && chance(this.#random, 0.7) && { ipv6: true }),
    };
    await desk.submit({ kind: "createNetwork", id, spec, now }, { signal });
    this.#known = [...this.#known, id];
  }

  #anyManager(): Desk | undefined {
    const managers = this.#world.hosts.filter(({ manager }) => manager !== undefined);
    const host = oneOf(managers, this.#random);
    const cluster = host?.member?.cluster();
    return host?.life === undefined || cluster === undefined ? undefined : deskOf(cluster, host.life.process);
  }
}
