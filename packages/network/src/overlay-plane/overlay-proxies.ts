import { networkInterfaces } from "node:os";
import type { Clock, Log, NodeId, Random } from "@murmur/base";
import type { Suspects } from "@murmur/discovery";
import { servedByProxy, type EndpointTable, type NetworkId, type PortConfig } from "@murmur/model";
import { subnetHolds } from "../overlay/address.ts";
import { isAnyAddress } from "../listen-at.ts";
import type { ListenerStatus } from "../listener-status.ts";
import { addStats, NO_TRAFFIC, type ProxyStats } from "../proxy.ts";
import { ProxySet } from "../proxy-set.ts";
import type { PublishedPort } from "../published-port.ts";
import { Targets } from "../targets.ts";
import { addressedNetworks, publishingNetwork, type NeededNetwork } from "./needed-networks.ts";

export interface OverlayProxiesOptions {
  readonly self: NodeId;
  readonly publishAddress: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * What the kernel doesn't redirect: published ports with options that only a proxy has, and all others at the loopback's
 * addresses. The proxies connect to the tasks' addresses in the overlay, from this node's own there: so the answers find
 * their way back.
 */
export class OverlayProxies implements AsyncDisposable {
  readonly #targets: Targets;
  readonly #sets: readonly ProxySet[];
  #networks: readonly NeededNetwork[] = [];

  constructor(options: OverlayProxiesOptions) {
    this.#targets = new Targets({ ...options, sourceOf: (host) => this.#sourceFor(host) });
    const set = (publishAddress: string, serves: (port: PublishedPort) => boolean): ProxySet =>
      new ProxySet({ ...options, publishAddress, targets: this.#targets, serves });
    const loopback = isAnyAddress(options.publishAddress) ? loopbackAddresses() : [];
    this.#sets = [set(options.publishAddress, servedByProxy), ...loopback.map((address) => set(address, isRedirected))];
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

  /** A port that is open at several addresses of the loopback is told once. */
  listeners(): readonly ListenerStatus[] {
    const all = this.#sets.flatMap((set) => set.listeners());
    return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
  }

  /** Tries at once to open what is not open. */
  async retry(): Promise<void> {
    await Promise.all(this.#sets.map((set) => set.retry()));
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

/** The kernel serves it, except at the loopback's addresses. SCTP has no proxy there. */
const isRedirected = (port: PublishedPort): boolean => !servedByProxy(port) && port.protocol !== "sctp";

/** The table as this node's proxies see it: tasks at their own addresses, and their own ports. */
function proxyTable(table: EndpointTable, here: ReadonlySet<NetworkId>): EndpointTable {
  const addressed = addressedNetworks({ table });
  const services = table.services.flatMap((service) => {
    const network = publishingNetwork(service, addressed);
    if (network === undefined || !here.has(network.id)) return [];
    const addresses = new Map(
      (service.attached ?? []).map(({ taskId: id, addresses: all }) => [
        id,
        all.find(({ networkId }) => networkId === network.id)?.ipv4,
      ]),
    );
    const ports = service.published.map(({ protocol, targetPort }) => ({ protocol, targetPort, hostPort: targetPort }));
    const endpoints = service.endpoints.flatMap((endpoint) => {
      const address = addresses.get(endpoint.taskId);
      return address === undefined ? [] : [{ ...endpoint, address, ports }];
    });
    return [{ ...service, endpoints }];
  });
  return { ...table, services };
}

/** Those that this machine has. */
function loopbackAddresses(): readonly string[] {
  const own = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
  return own.includes("::1") ? ["127.0.0.1", "::1"] : ["127.0.0.1"];
}
