import { ClusterError } from "@murmur/base";
import { formatIpAddress, parseIpBlock } from "@murmur/model";
import type { EngineGuest, EngineNetwork } from "./ports.ts";
import type { Resident } from "./simulated-bridges.ts";

/** A container that somebody on the node runs by hand in a network of the engine. */
export interface SimulatedGuest extends EngineGuest {
  readonly name: string;
  /** As the engine's networks know it. */
  readonly resident: Resident;
}

/** What a guest is started with. */
export interface GuestWish {
  /** Unlike that of any other container of the engine. */
  readonly name: string;
  readonly network: EngineNetwork;
  readonly aliases: readonly string[];
}

/**
 * The simulated engine's containers that aren't tasks'. As with a real engine, each gets the lowest address of the network's
 * range that nobody in the network has, at each start anew.
 */
export class SimulatedGuests {
  readonly #guests = new Map<string, SimulatedGuest>();

  /** In the order in which they were started. */
  all(): readonly SimulatedGuest[] {
    return [...this.#guests.values()];
  }

  /** Starts one, or starts it anew. @throws ClusterError `overloaded` when all addresses of the range are taken */
  run({ name, network, aliases }: GuestWish, tasks: readonly Resident[]): SimulatedGuest {
    this.#guests.delete(name);
    const residents = [...tasks.filter(({ live }) => live), ...this.residents()];
    const places = residents.flatMap(({ request }) => request.networks?.attached ?? []);
    const here = places.filter((place) => place.name === network.name);
    const taken = new Set(here.flatMap(({ ipv4, ipv6 }) => (ipv6 === undefined ? [ipv4] : [ipv4, ipv6])));
    const ipv4 = freeIn(network.ipv4, taken);
    const ipv6 = network.ipv6 && freeIn(network.ipv6, taken);
    const address = { ipv4, ...(ipv6 !== undefined && { ipv6 }) };
    const attached = [{ name: network.name, mac: "", ...address }];
    const resident = { id: name, live: true, request: { networks: { attached } } };
    const guest = { name, network: network.name, names: [name, ...aliases], ...address, resident };
    this.#guests.set(name, guest);
    return guest;
  }

  /** Whether there was one. */
  remove(name: string): boolean {
    return this.#guests.delete(name);
  }

  /** Takes all of them out of a network; whether there were any. */
  evict(network: string): boolean {
    const gone = this.all().filter((guest) => guest.network === network);
    for (const { name } of gone) this.#guests.delete(name);
    return gone.length > 0;
  }

  clear(): void {
    this.#guests.clear();
  }

  residents(): readonly Resident[] {
    return this.all().map(({ resident }) => resident);
  }
}

/** The lowest address of a range that nobody has. */
function freeIn({ gateway, range, auxiliary }: EngineNetwork["ipv4"], taken: ReadonlySet<string>): string {
  const block = parseIpBlock(range);
  const kept = new Set([gateway, ...Object.values(auxiliary ?? {})]);
  for (let value = block?.first ?? 1n; block !== undefined && value <= block.last; value += 1n) {
    const address = formatIpAddress({ family: block.family, value });
    if (!kept.has(address) && !taken.has(address)) return address;
  }
  throw new ClusterError("overloaded", `no available addresses on this network's address pools: ${range}`);
}
