import { ClusterError } from "@murmur/base";
import type { ContainerNetworks, EngineNetwork } from "./ports.ts";

/** A container as its networks know it. */
export interface Resident {
  readonly id: string;
  /** Only what has a process holds its addresses. */
  readonly live: boolean;
  readonly request: { readonly networks?: ContainerNetworks };
}

/**
 * The networks of the simulated engine. As with a real one, an address is taken by a container when it starts, and nobody
 * else in the network can have it until that one's process has ended.
 */
export class SimulatedBridges {
  readonly #networks = new Map<string, EngineNetwork>();
  /** Made when it is asked for after a change. */
  #all: readonly EngineNetwork[] | undefined;
  #conflicts = 0;

  /** How often a container was to have an address that was taken. */
  get conflicts(): number {
    return this.#conflicts;
  }

  /** The same list as long as nothing has changed. */
  all(): readonly EngineNetwork[] {
    return (this.#all ??= [...this.#networks.values()]);
  }

  ensure(network: EngineNetwork, residents: readonly Resident[]): void {
    const { name, bridge } = network;
    const present = this.#networks.get(name);
    if (present !== undefined && JSON.stringify(present) === JSON.stringify(network)) return;
    if (this.#isUsed(name, residents)) {
      const text = `the engine has a network ${name} with other settings and can't remove it: it has active endpoints`;
      throw new ClusterError("in_use", text);
    }
    this.remove(name, residents);
    const other = this.all().find((one) => one.bridge === bridge || one.ipv4.subnet === network.ipv4.subnet);
    if (other !== undefined) {
      throw new ClusterError(
        "failed_precondition",
        `networks ${name} and ${other.name} have the same bridge or subnet`,
      );
    }
    this.#networks.set(name, network);
    this.#all = undefined;
  }

  remove(name: string, residents: readonly Resident[]): void {
    if (this.#isUsed(name, residents)) {
      throw new ClusterError("failed_precondition", `error while removing network: ${name} has active endpoints`);
    }
    this.#networks.delete(name);
    this.#all = undefined;
  }

  #isUsed(name: string, residents: readonly Resident[]): boolean {
    return residents.some((resident) => resident.live && placesOf(resident).some((place) => place.name === name));
  }

  /** Refuses a container whose networks aren't there. */
  check(networks: ContainerNetworks | undefined, code: "unavailable" | "not_found"): void {
    const missing = networks?.attached.find(({ name }) => !this.#networks.has(name));
    if (missing !== undefined) throw new ClusterError(code, `network ${missing.name} not found`);
  }

  /** Refuses to start a container whose addresses are taken. */
  join(newcomer: Resident, residents: readonly Resident[]): void {
    this.check(newcomer.request.networks, "not_found");
    const taken = new Set(this.all().flatMap(({ name, ipv4, ipv6 }) => keys(name, ipv4.gateway, ipv6?.gateway)));
    for (const resident of residents) {
      if (!resident.live || resident.id === newcomer.id) continue;
      for (const { name, ipv4, ipv6 } of placesOf(resident)) for (const key of keys(name, ipv4, ipv6)) taken.add(key);
    }
    const wanted = placesOf(newcomer).flatMap(({ name, ipv4, ipv6 }) => keys(name, ipv4, ipv6));
    const conflict = wanted.find((key) => taken.has(key));
    if (conflict === undefined) return;
    this.#conflicts += 1;
    throw new ClusterError("in_use", `Address already in use: ${conflict}`);
  }
}

const placesOf = ({ request }: Resident) => request.networks?.attached ?? [];

const keys = (name: string, ipv4: string, ipv6: string | undefined): readonly string[] =>
  [ipv4, ipv6].flatMap((address) => (address === undefined ? [] : [`${address} in ${name}`]));
