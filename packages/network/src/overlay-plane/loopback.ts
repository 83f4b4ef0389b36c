import { networkInterfaces } from "node:os";
import type { Clock, Log, NodeId, Random } from "@murmur/base";
import type { Suspects } from "@murmur/discovery";
import type { EndpointTable, NetworkId, PortConfig } from "@murmur/model";
import { subnetHolds } from "../overlay/address.ts";
import type { ListenerStatus } from "../listener-status.ts";
import { addStats, NO_TRAFFIC, ProxySet, type ProxyStats } from "../proxy-set.ts";
import { Targets } from "../targets.ts";
import { addressedNetworks, publishingNetwork, type NeededNetwork } from "./needed-networks.ts";

/**
 * Published ports at the loopback's addresses, which the kernel doesn't redirect: proxies that connect to the tasks'
 * addresses in the overlay, from this node's own there so that the answers find back.
 */
export class Loopback implements AsyncDisposable {
  readonly #targets: Targets;
  readonly #sets: readonly ProxySet[];
  #networks: readonly NeededNetwork[] = [];

  constructor(options: { readonly self: NodeId; readonly clock: Clock; readonly random: Random; readonly log: Log }) {
    this.#targets = new Targets({ ...options, sourceOf: (host) => this.#sourceFor(host) });
    this.#sets = loopbackAddresses().map(
      (publishAddress) => new ProxySet({ ...options, publishAddress, targets: this.#targets }),
    );
  }

  /** The networks are those that are rendered here. */
  update(table: EndpointTable, networks: readonly NeededNetwork[]): void {
    this.#networks = networks;
    this.#targets.update(proxyTable(table, new Set(networks.map(({ id }) => id))));
    for (const set of this.#sets) set.render();
  }

  avoid(suspects: Suspects): void {
    this.#targets.avoid(suspects);
    for (const set of this.#sets) set.dropDead(suspects.deadNodes);
  }

  holds(port: PortConfig): boolean {
    return this.#sets.some((set) => set.holds(port));
  }

  /** One for each port: the first address's, unless another one's could not be opened. */
  listeners(): readonly ListenerStatus[] {
    const [first = [], ...others] = this.#sets.map((set) => set.listeners());
    return [...first, ...others.flat().filter(({ state }) => state === "failed")];
  }

  stats(): ProxyStats {
    return this.#sets.reduce((sum, set) => addStats(sum, set.stats()), NO_TRAFFIC);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sets.map((set) => set[Symbol.asyncDispose]()));
  }

  #sourceFor(host: string): string | undefined {
    return this.#networks.find(({ addressing }) => subnetHolds(addressing.ipv4.subnet, host))?.gateway.ipv4;
  }
}

/** The table as a proxy of this node sees it: tasks at their own addresses, and their own ports. */
export function proxyTable(table: EndpointTable, here: ReadonlySet<NetworkId>): EndpointTable {
  const addressed = addressedNetworks({ table });
  const services = table.services.map((service) => {
    const network = publishingNetwork(service, addressed);
    if (network === undefined || !here.has(network.id)) return { ...service, published: [], endpoints: [] };
    const addresses = new Map(
      (service.attached ?? []).map(({ taskId: id, addresses: all }) => [
        id,
        all.find(({ networkId }) => networkId === network.id)?.ipv4,
      ]),
    );
    const published = service.published.filter(({ protocol }) => protocol !== "sctp");
    const ports = published.map(({ protocol, targetPort }) => ({ protocol, targetPort, hostPort: targetPort }));
    const endpoints = service.endpoints.flatMap((endpoint) => {
      const address = addresses.get(endpoint.taskId);
      return address === undefined ? [] : [{ ...endpoint, address, ports }];
    });
    return { ...service, published, endpoints };
  });
  return { ...table, services };
}

/** Those that this machine has. */
function loopbackAddresses(): readonly string[] {
  const own = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
  return own.includes("::1") ? ["127.0.0.1", "::1"] : ["127.0.0.1"];
}
