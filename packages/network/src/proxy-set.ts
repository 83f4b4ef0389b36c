import type { NodeId } from "@murmur/base";
import { portsOverlap, type PortConfig } from "@murmur/model";
import { listenAt, type ListenAt } from "./listen-at.ts";
import { portText } from "./listen-error.ts";
import { portStatus, type ListenerStatus } from "./listener-status.ts";
import { addStats, NO_TRAFFIC, type Proxy, type ProxyStats, type ProxyTools } from "./proxy.ts";
import type { PublishedPort } from "./published-port.ts";
import { TcpProxy } from "./tcp-proxy.ts";
import { UdpProxy } from "./udp-proxy.ts";

export interface ProxySetOptions extends ProxyTools {
  readonly publishAddress: string;
  /** Which ports are this set's; left out: all. */
  readonly serves?: (port: PublishedPort) => boolean;
}

/** The listeners of all published ports: exactly those that the table wants, after every swap. */
export class ProxySet implements AsyncDisposable {
  readonly #options: ProxySetOptions;
  readonly #proxies = new Map<string, Proxy>();
  /** Their ports are published no longer, but something is still under way. */
  readonly #retired = new Set<Proxy>();
  /** What those that have ended had counted. */
  #past = NO_TRAFFIC;
  #closed = false;

  constructor(options: ProxySetOptions) {
    this.#options = options;
  }

  /** Opens and closes listeners until they fit the table. */
  render(): void {
    if (this.#closed) return;
    const wanted = this.#wanted();
    for (const [key, proxy] of this.#proxies) {
      if (!wanted.has(key)) this.#retire(key, proxy);
    }
    for (const [key, { port, at }] of wanted) {
      if (this.#proxies.has(key)) continue;
      const proxy = this.#make(port, at);
      this.#proxies.set(key, proxy);
      proxy.start();
    }
  }

  /** Whether it listens on a port already, or on a part of it. */
  holds(wanted: Pick<PortConfig, "protocol" | "publishedPort" | "hostIp">): boolean {
    return [...this.#proxies.values()].some((proxy) => {
      const { protocol, port: publishedPort, hostIp } = proxy.port;
      const own = { protocol, publishedPort, ...(hostIp !== undefined && { hostIp }) };
      return portsOverlap(own, wanted) && proxy.status().state === "listening";
    });
  }

  dropDead(nodes: ReadonlySet<NodeId>): void {
    for (const proxy of this.#all()) proxy.dropDead(nodes);
  }

  /** Tries at once to open what is not open. */
  async retry(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.retry()));
  }

  listeners(): readonly ListenerStatus[] {
    return [...this.#proxies.values()].map((proxy) => proxy.status());
  }

  stats(): ProxyStats {
    return this.#all().reduce((sum, proxy) => addStats(sum, proxy.stats()), this.#past);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#all().map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  #all(): readonly Proxy[] {
    return [...this.#proxies.values(), ...this.#retired];
  }

  /** Ports that this node publishes nowhere are left out. */
  #wanted(): ReadonlyMap<string, { readonly port: PublishedPort; readonly at: ListenAt }> {
    const { targets, publishAddress, serves = () => true } = this.#options;
    const wanted = new Map<string, { readonly port: PublishedPort; readonly at: ListenAt }>();
    for (const [key, port] of targets.published()) {
      const at = serves(port) ? listenAt(publishAddress, port.hostIp) : undefined;
      if (at !== undefined) wanted.set(key, { port, at });
    }
    return wanted;
  }

  #make(port: PublishedPort, at: ListenAt): Proxy {
    switch (port.protocol) {
      case "tcp":
        return new TcpProxy(this.#options, port, at);
      case "udp":
        return new UdpProxy(this.#options, port, at);
      case "sctp":
        return new NoProxy(port);
    }
  }

  #retire(key: string, proxy: Proxy): void {
    this.#proxies.delete(key);
    this.#retired.add(proxy);
    void proxy.retire().then(() => {
      this.#retired.delete(proxy);
      this.#past = addStats(this.#past, proxy.stats());
    });
  }
}

/** A port of a protocol that this data plane can't carry. */
class NoProxy implements Proxy {
  readonly port: PublishedPort;

  constructor(port: PublishedPort) {
    this.port = port;
  }
  start(): void {}
  async retry(): Promise<void> {}
  async retire(): Promise<void> {}
  dropDead(): void {}
  status(): ListenerStatus {
    const { protocol, port, hostIp } = this.port;
    const problem = `port ${portText(port, hostIp)}/${protocol} can't be published by proxy: only TCP and UDP can`;
    return portStatus(this.port, { opened: undefined, problem });
  }
  stats(): ProxyStats {
    return NO_TRAFFIC;
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}
