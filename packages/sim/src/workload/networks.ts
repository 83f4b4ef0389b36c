import { refuseWithGuests } from "@murmur/api";
import { codeOf, type Millis, type Random } from "@murmur/base";
import { networkId, type NetworkId, type NetworkSpec, type ServiceSpec } from "@murmur/model";
import { chance, logBetween, oneOf } from "../faults/fault.ts";
import type { Host } from "../world/host.ts";
import { randomFor, type World } from "../world/world.ts";
import { deskOf } from "./desk.ts";

/** So many there are at once beside the default one. */
const NETWORKS_MAX = 3;
/** One cluster of so many has networks of both families, or such that containers can be connected to by hand: they cost time. */
const DUAL_ONE_OF = 4;
const ATTACHABLE_ONE_OF = 6;

type Known = Pick<NetworkSpec, "name"> & { readonly id: NetworkId };

/** Networks that come and go while services join them, where tasks have addresses; elsewhere there are none. */
export class Networks {
  readonly #world: World;
  readonly #random: Random;
  /** Whether some of them have IPv6 addresses, too. */
  readonly #isDual: boolean;
  /** Whether containers can be connected to some of them by hand. */
  readonly #isAttachable: boolean;
  #known: readonly Known[] = [];
  #made = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = randomFor(world.seed, "networks");
    this.#isDual = randomFor(world.seed, "dual stack").below(DUAL_ONE_OF) === 0;
    this.#isAttachable = randomFor(world.seed, "attachable").below(ATTACHABLE_ONE_OF) === 0;
  }

  /** The networks of a new service; none of its own: the default one. It may name one that is gone by now. */
  draw(): ServiceSpec["task"]["networks"] {
    if (this.#known.length === 0 || chance(this.#random, 0.4)) return [];
    const first = oneOf(this.#known, this.#random)?.id;
    const second = chance(this.#random, 0.3) ? oneOf(this.#known, this.#random)?.id : undefined;
    return [...new Set([first, second])].flatMap((target) => (target === undefined ? [] : [{ target, aliases: [] }]));
  }

  async keepGoing(isOver: () => boolean): Promise<void> {
    if (this.#world.dataPlane !== "overlay") return;
    while (!isOver()) {
      const managers = this.#world.hosts.filter(({ manager }) => manager !== undefined);
      const host = oneOf(managers, this.#random);
      // Nobody waits: of a process that dies there is no answer.
      if (host !== undefined) this.#change(host).catch(() => {});
      await new Promise<void>(
        (resolve) => void this.#world.clock.setTimer(logBetween(this.#random, 1_000, 20_000), resolve),
      );
    }
  }

  /** Once all is well: a network that a container was connected to by hand is not removed. Why it was, if it was. */
  async problems(): Promise<readonly string[]> {
    const { leader, running } = this.#world;
    const joined = new Set(running.flatMap(({ member }) => member?.guests ?? []).map((guest) => guest.networkId));
    const view = leader?.manager?.view;
    // What a service is in isn't removed for that alone.
    for (const { spec } of view?.services() ?? []) for (const { target } of spec.task.networks) joined.delete(target);
    const used = view?.networks().find(({ id, removing }) => joined.has(id) && removing !== true);
    if (leader === undefined || used === undefined) return [];
    const { id, spec } = used;
    const code = await this.#remove(leader, { id, name: spec.name }).then(() => undefined, codeOf);
    const answer = code === undefined ? "it is being removed" : `the answer is ${code}`;
    return code === "in_use" ? [] : [`network ${spec.name} has containers that aren't tasks, and ${answer}`];
  }

  async #change(host: Host): Promise<void> {
    const old = oneOf(this.#known, this.#random);
    if (old !== undefined && (this.#known.length >= NETWORKS_MAX || chance(this.#random, 0.4))) {
      // Refused while a service or a guest is in it.
      await this.#remove(host, old);
      this.#known = this.#known.filter(({ id }) => id !== old.id);
      return;
    }
    const spec = this.#newSpec();
    const id = networkId(this.#world.newId());
    await this.#submit(host, { kind: "createNetwork", id, spec, now: this.#now });
    this.#known = [...this.#known, { id, name: spec.name }];
  }

  #newSpec(): NetworkSpec {
    this.#made += 1;
    const attachable = this.#isAttachable && chance(this.#random, 0.7);
    const isDual = this.#isDual && chance(this.#random, 0.7);
    // As small as the pool's of IPv4: each address that may be somebody's has an entry on all other nodes.
    const subnets = [{ subnet: `fd00:0:0:${this.#made.toString(16)}::/120` }];
    return {
      name: `net${String(this.#made)}`,
      labels: {},
      attachable,
      internal: false,
      ...(isDual && { ipv6: true, ...(attachable && { subnets }) }),
    };
  }

  /** As on `docker network rm`, in the same order as the API. */
  async #remove(host: Host, network: Known): Promise<void> {
    const { life, member } = host;
    if (life === undefined || member === undefined) return;
    // A client who waits is let go when the process stops.
    const known = { node: { guests: () => member.guests }, clock: this.#world.clock };
    await new Promise<void>((resolve, reject) =>
      life.process.enter(
        () => void refuseWithGuests(network, known, new AbortController().signal).then(resolve, reject),
      ),
    );
    await this.#submit(host, { kind: "removeNetwork", id: network.id, now: this.#now });
  }

  async #submit({ life, member }: Host, command: Parameters<ReturnType<typeof deskOf>["submit"]>[0]): Promise<void> {
    const cluster = member?.cluster();
    if (life === undefined || cluster === undefined) return;
    await deskOf(cluster, life.process).submit(command, { signal: new AbortController().signal });
  }

  get #now(): Millis {
    return this.#world.clock.now();
  }
}
