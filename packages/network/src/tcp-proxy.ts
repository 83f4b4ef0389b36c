import type { Server, Socket } from "node:net";
import type { NodeId } from "@murmur/base";
import type { ListenAt } from "./listen-at.ts";
import { problemOf } from "./listen-error.ts";
import { portStatus, type ListenerStatus } from "./listener-status.ts";
import { openTcpPort } from "./open-port.ts";
import type { Proxy, ProxyTools, ProxyStats } from "./proxy.ts";
import type { PublishedPort } from "./published-port.ts";
import { Relay, WaitingRoom } from "./relay.ts";
import { RetryListen } from "./retry-listen.ts";

/** Connections open at once on one port; more are closed as they come. */
const CONNECTIONS_MAX = 16_384;
/** Of these, without a task to go to; more are reset as they come. */
const WAITING_MAX = 1_024;

/** A published TCP port. Each connection goes to the task that has the fewest from this node. */
export class TcpProxy implements Proxy {
  readonly port: PublishedPort;
  readonly #options: ProxyTools;
  readonly #at: ListenAt;
  readonly #listen: RetryListen<Server>;
  readonly #relays = new Set<Relay>();
  readonly #room = new WaitingRoom(WAITING_MAX);
  readonly #empty = Promise.withResolvers<void>();
  #isRetired = false;
  #total = 0;
  #refused = 0;

  constructor(options: ProxyTools, port: PublishedPort, at: ListenAt) {
    this.#options = options;
    this.port = port;
    this.#at = at;
    this.#listen = new RetryListen({
      open: (onBroken) => this.#open(onBroken),
      close: (server) => {
        options.shared?.closed(port.key);
        server.close();
      },
      explain: (error) => problemOf(port, error),
      clock: options.clock,
      log: options.log,
    });
  }

  start(): void {
    this.#listen.start();
  }

  retry(): Promise<void> {
    return this.#listen.retry();
  }

  async retire(): Promise<void> {
    this.#isRetired = true;
    for (const relay of this.#relays) relay.abortUnlessJoined();
    await this.#listen[Symbol.asyncDispose]();
    if (this.#relays.size > 0) await this.#empty.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const relay of this.#relays) relay.abort();
    await this.retire();
  }

  dropDead(nodes: ReadonlySet<NodeId>): void {
    for (const relay of this.#relays) relay.dropDead(nodes);
  }

  status(): ListenerStatus {
    return portStatus(this.port, this.#listen);
  }

  stats(): ProxyStats {
    const connections = this.#relays.size;
    return { connections, connectionsTotal: this.#total, refused: this.#refused, flows: 0, packetsDropped: 0 };
  }

  async #open(onBroken: (error: Error) => void): Promise<Server> {
    const { openTcp, shared } = this.#options;
    const server = await (openTcp?.(this.port, this.#at) ?? openTcpPort(this.#at, this.port.port));
    server.maxConnections = CONNECTIONS_MAX;
    server.on("error", onBroken);
    server.on("connection", (client) => this.#accept(client));
    server.on("drop", () => {
      this.#total += 1;
      this.#refused += 1;
    });
    shared?.opened(this.port.key, server);
    return server;
  }

  #accept(client: Socket): void {
    const { targets, clock } = this.#options;
    const onEnd = (ended: Relay, isRefused: boolean): void => {
      this.#relays.delete(ended);
      if (isRefused) this.#refused += 1;
      if (this.#isRetired && this.#relays.size === 0) this.#empty.resolve();
    };
    const relay = new Relay({ client, key: this.port.key, targets, clock, room: this.#room, onEnd });
    this.#total += 1;
    this.#relays.add(relay);
    relay.connect();
  }
}
