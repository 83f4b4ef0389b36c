import type { SimulatedGuest } from "@murmur/agent";
import { codeOf, type Millis, type Random } from "@murmur/base";
import { networkId } from "@murmur/model";
import { chance, logBetween, oneOf } from "../faults/fault.ts";
import type { Host } from "../world/host.ts";
import { randomFor, type World } from "../world/world.ts";

/** What containers are called that somebody runs by hand; an engine has one of each name, several engines may. */
export const GUEST_NAMES = ["shell", "backup", "probe"] as const;
/** Some of them share this name. */
export const GUEST_ALIAS = "cache";

/** How long people still look after their containers when they begin no more, and how often. */
const AFTERMATH = { looks: 60, everyMs: 1_000 as Millis } as const;

/** Containers that somebody runs, restarts and removes by hand in attachable networks, as on `docker run --network`. */
export class Guests {
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World) {
    this.#world = world;
    this.#random = randomFor(world.seed, "guests");
  }

  async keepGoing(isOver: () => boolean): Promise<void> {
    if (this.#world.dataPlane !== "overlay") return;
    while (!isOver()) {
      await this.#pause(logBetween(this.#random, 500, 10_000));
      this.#leaveGoneNetworks();
      const host = oneOf(
        this.#world.hosts.filter((one) => one.engine.up && attachableOn(one).length > 0),
        this.#random,
      );
      if (host !== undefined && !isOver()) this.#act(host);
    }
    for (let left = AFTERMATH.looks; left > 0; left -= 1) {
      await this.#pause(AFTERMATH.everyMs);
      this.#leaveGoneNetworks();
    }
  }

  /**
   * A network may be removed by a manager that has not heard yet of a container there. Its bridge, and with it the subnet, is
   * kept on that node until the container is taken out by hand.
   */
  #leaveGoneNetworks(): void {
    const view = this.#world.leader?.manager?.view;
    if (view === undefined) return;
    for (const { name: host, engine } of this.#world.hosts) {
      const bridges = engine.bridges();
      for (const { name, network } of engine.guestsByHand()) {
        const id = bridges.find((bridge) => bridge.name === network)?.labels["io.murmur.network"];
        const present = id === undefined ? undefined : view.network(networkId(id));
        if (present !== undefined && present.removing !== true) continue;
        this.#say(`${name} on ${host} is removed: its network is gone`);
        engine.removeGuest(name);
      }
    }
  }

  #say(what: string): void {
    this.#world.tell((observer) => observer.happened?.(what));
  }

  #pause(forMs: Millis): Promise<void> {
    return new Promise((resolve) => void this.#world.clock.setTimer(forMs, resolve));
  }

  #act(host: Host): void {
    const old = oneOf(host.engine.guestsByHand(), this.#random);
    if (old !== undefined && chance(this.#random, 0.3)) {
      this.#say(`somebody removes ${old.name} on ${host.name}`);
      host.engine.removeGuest(old.name);
      return;
    }
    const network = oneOf(attachableOn(host), this.#random);
    const name = oneOf(GUEST_NAMES, this.#random);
    const aliases = chance(this.#random, 0.5) ? [GUEST_ALIAS] : [];
    if (old !== undefined && chance(this.#random, 0.4)) this.#run(host, old);
    else if (network !== undefined && name !== undefined) this.#run(host, { name, network, names: aliases });
  }

  /** One of this name is started anew, where it is wanted now. */
  #run(host: Host, { name, network, names }: Pick<SimulatedGuest, "name" | "network" | "names">): void {
    try {
      const guest = host.engine.runGuest(
        name,
        network,
        names.filter((other) => other !== name),
      );
      this.#say(`somebody runs ${name} on ${host.name} in ${network} at ${guest.ipv4}`);
      this.#world.tell((observer) => observer.guestRuns?.(host, guest));
    } catch (error) {
      // Its network was removed, or has no address left.
      if (codeOf(error) !== "not_found" && codeOf(error) !== "overloaded") throw error;
    }
  }
}

/** The names of the engine's networks that give addresses to containers that are connected by hand. */
const attachableOn = ({ engine }: Host): readonly string[] =>
  engine
    .bridges()
    .filter(({ ipv4 }) => !ipv4.range.endsWith("/32"))
    .map(({ name }) => name);
