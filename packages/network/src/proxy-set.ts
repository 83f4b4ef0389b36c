import type { Clock, Log, NodeId } from "@murmur/base";
import type { PortProtocol } from "@murmur/model";
import type { ListenerStatus } from "./data-plane.ts";
import { portKey, type PublishedService, type Targets } from "./targets.ts";
import { TcpProxy } from "./tcp-proxy.ts";
import { UdpProxy } from "./udp-proxy.ts";

export interface ProxyStats {
  /** Open now, and since the start. */
  readonly connections: number;
  readonly connectionsTotal: number;
  /** Connections for which no task could be reached. */
  readonly refused: number;
  readonly flows: number;
  readonly packetsDropped: number;
}

/** One published port's listener. */
export interface Proxy extends AsyncDisposable {
  start(): void;
  /** The service behind the port may be another one after a swap of the table. */
  serve(service: PublishedService): void;
  /** Ends what goes to nodes that are dead. */
  dropDead(nodes: ReadonlySet<NodeId>): void;
  status(): ListenerStatus;
  stats(): ProxyStats;
}

export interface ProxySetOptions {
  readonly publishAddress: string;
  readonly targets: Targets;
  readonly clock: Clock;
  readonly log: Log;
}

const NOTHING: ProxyStats = { connections: 0, connectionsTotal: 0, refused: 0, flows: 0, packetsDropped: 0 };

/** The listeners of all published ports: exactly those that the table wants, after every swap. */
export class ProxySet implements AsyncDisposable {
  readonly #options: ProxySetOptions;
  readonly #proxies = new Map<string, Proxy>();
  /** What closed listeners had counted. */
  #past: ProxyStats = NOTHING;
  #closing: Promise<void> = Promise.resolve();

  constructor(options: ProxySetOptions) {
    this.#options = options;
  }

  /** Opens and closes listeners until they fit the table. */
  render(): void {
    const wanted = this.#options.targets.published();
    for (const [key, proxy] of this.#proxies) {
      if (wanted.has(key)) continue;
      this.#proxies.delete(key);
      this.#close(proxy);
    }
    for (const [key, service] of wanted) {
      const present = this.#proxies.get(key);
      if (present !== undefined) {
        present.serve(service);
        continue;
      }
      const proxy = this.#make(service);
      if (proxy === undefined) continue;
      this.#proxies.set(key, proxy);
      // A port that was just given up is free only once its listener has closed.
      void this.#closing.then(() => proxy.start());
    }
  }

  holds(protocol: PortProtocol, port: number): boolean {
    return this.#proxies.get(portKey(protocol, port))?.status().state === "listening";
  }

  dropDead(nodes: ReadonlySet<NodeId>): void {
    for (const proxy of this.#proxies.values()) proxy.dropDead(nodes);
  }

  listeners(): readonly ListenerStatus[] {
    return [...this.#proxies.values()].map((proxy) => proxy.status());
  }

  stats(): ProxyStats {
    return [...this.#proxies.values()].reduce((sum, proxy) => add(sum, proxy.stats()), this.#past);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.#proxies.values()) this.#close(proxy);
    this.#proxies.clear();
    await this.#closing;
  }

  #make(service: PublishedService): Proxy | undefined {
    switch (service.protocol) {
      case "tcp":
        return new TcpProxy(this.#options, service);
      case "udp":
        return new UdpProxy(this.#options, service);
      case "sctp":
        this.#options.log.warn("SCTP ports can't be published in the ports data plane", { service: service.name });
        return undefined;
    }
  }

  #close(proxy: Proxy): void {
    const { connectionsTotal, refused, packetsDropped } = proxy.stats();
    this.#past = add(this.#past, { ...NOTHING, connectionsTotal, refused, packetsDropped });
    const closed = proxy[Symbol.asyncDispose]();
    this.#closing = Promise.all([this.#closing, closed]).then(() => undefined);
  }
}

const add = (left: ProxyStats, right: ProxyStats): ProxyStats => ({
  connections: left.connections + right.connections,
  connectionsTotal: left.connectionsTotal + right.connectionsTotal,
  refused: left.refused + right.refused,
  flows: left.flows + right.flows,
  packetsDropped: left.packetsDropped + right.packetsDropped,
});
