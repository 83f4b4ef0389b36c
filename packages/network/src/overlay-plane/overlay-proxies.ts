import { networkInterfaces } from "node:os";
import type { Clock, Log, NodeId, Random } from "@murmur/base";
import type { Suspects } from "@murmur/discovery";
import { servedByProxy, type EndpointTable, type NetworkId, type PortConfig } from "@murmur/model";
import { isAnyAddress } from "../listen-at.ts";
import type { ListenerStatus } from "../listener-status.ts";
import { addStats, type ProxyStats } from "../proxy.ts";
import { ProxySet } from "../proxy-set.ts";
import type { PublishedPort } from "../published-port.ts";
import { Targets } from "../targets.ts";
import { sourceAmong, type SourceAddress } from "../workers/messages.ts";
import { NO_WORKERS, ProxyWorkers, type WorkersOptions } from "../workers/proxy-workers.ts";
import { addressedNetworks, publishingNetwork, type NeededNetwork } from "./needed-networks.ts";

export interface OverlayProxiesOptions {
  readonly self: NodeId;
  readonly publishAddress: string;
  /** Left out: this process carries all connections. */
  readonly workers?: WorkersOptions;
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
  /** For the first of these sets. */
  readonly #workers: ProxyWorkers;
  #sources: readonly SourceAddress[] = [];

  constructor(options: OverlayProxiesOptions) {
    const targets = new Targets({ ...options, sourceOf: (host) => sourceAmong(this.#sources, host) });
    const connections = (): number => main.stats().connections;
    this.#workers = new ProxyWorkers({ ...options, ...(options.workers ?? NO_WORKERS), connections });
    const main = new ProxySet({ ...options, targets, serves: servedByProxy, shared: this.#workers });
    const loopback = isAnyAddress(options.publishAddress) ? loopbackAddresses() : [];
    const beside = (publishAddress: string): ProxySet =>
      new ProxySet({ ...options, publishAddress, targets, serves: isRedirected });
    this.#targets = targets;
    this.#sets = [main, ...loopback.map(beside)];
  }

  /** The networks are those that are rendered here. */
  update(table: EndpointTable, networks: readonly NeededNetwork[]): void {
    this.#sources = networks.map(({ addressing, gateway }) => ({
      subnet: addressing.ipv4.subnet,
      address: gateway.ipv4,
    }));
    const own = proxyTable(table, new Set(networks.map(({ id }) => id)));
    this.#targets.update(own);
    for (const set of this.#sets) set.render();
    // Last: who knows this table has closed what was closed here.
    this.#workers.know({ table: own, sources: this.#sources });
  }

  avoid(suspects: Suspects): void {
    this.#targets.avoid(suspects);
    this.#workers.know({ suspects });
    for (const set of this.#sets) set.dropDead(suspects.deadNodes);
  }

  /** Resolves when what was told before is known to all who carry connections; undefined where it is already. */
  settled(): Promise<void> | undefined {
    return this.#workers.settled();
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
    return this.#sets.reduce((sum, set) => addStats(sum, set.stats()), this.#workers.stats());
  }

  /** Processes that carry connections beside this one. */
  get workers(): number {
    return this.#workers.count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sets, this.#workers].map((each) => each[Symbol.asyncDispose]()));
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
