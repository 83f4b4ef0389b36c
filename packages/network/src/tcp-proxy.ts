import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Millis, NodeId, Timer } from "@murmur/base";
import type { TaskId } from "@murmur/model";
import type { ListenerStatus } from "./data-plane.ts";
import { listenError } from "./listen-error.ts";
import type { Proxy, ProxySetOptions, ProxyStats } from "./proxy-set.ts";
import { RetryListen } from "./retry-listen.ts";
import type { PublishedService, Target } from "./targets.ts";

/** Connections open at once on one port; the kernel's queue holds more back. */
const CONNECTIONS_MAX = 16_384;
const BACKLOG = 4_096;
/** A task that doesn't answer within this is passed over for another one. */
const CONNECT_MS: Millis = 1_000;
/** How long a connection waits for a task to come up when there is none, and how many may. */
const WAIT_MS: Millis = 3_000;
const WAITING_MAX = 1_024;
const KEEP_ALIVE_MS: Millis = 60_000;

/** One client's connection, and the task's once there is one. */
interface Relay {
  readonly client: Socket;
  readonly tried: Set<TaskId>;
  target: Target | undefined;
  upstream: Socket | undefined;
  timer: Timer | undefined;
  stopWaiting: (() => void) | undefined;
}

/**
 * A published TCP port. Each connection goes to the task with the fewest from this node; until it is established no byte
 * of the client is read, so a task that refuses costs nothing but another try.
 */
export class TcpProxy implements Proxy {
  readonly #options: ProxySetOptions;
  readonly #relays = new Set<Relay>();
  readonly #listen: RetryListen;
  readonly #port: number;
  #service: PublishedService;
  #server: Server | undefined;
  #waiting = 0;
  #total = 0;
  #refused = 0;

  constructor(options: ProxySetOptions, service: PublishedService) {
    this.#options = options;
    this.#service = service;
    this.#port = service.publishedPort;
    this.#listen = new RetryListen({
      open: () => this.#open(),
      explain: (error) => listenError("tcp", this.#port, error),
      clock: options.clock,
      log: options.log,
    });
  }

  start(): void {
    this.#listen.start();
  }

  serve(service: PublishedService): void {
    this.#service = service;
  }

  dropDead(nodes: ReadonlySet<NodeId>): void {
    for (const relay of this.#relays) {
      if (relay.target === undefined || !nodes.has(relay.target.nodeId)) continue;
      if (relay.upstream?.connecting === true) relay.upstream.destroy(new Error("the node is dead"));
      else relay.client.destroy();
    }
  }

  status(): ListenerStatus {
    const { listening, problem } = this.#listen;
    const base = { protocol: "tcp", port: this.#port } as const;
    return listening ? { ...base, state: "listening" } : { ...base, state: "failed", ...(problem !== undefined && { error: problem }) };
  }

  stats(): ProxyStats {
    return { connections: this.#relays.size, connectionsTotal: this.#total, refused: this.#refused, flows: 0, packetsDropped: 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listen[Symbol.dispose]();
    const server = this.#server;
    this.#server = undefined;
    for (const { client } of this.#relays) client.destroy();
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async #open(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    server.maxConnections = CONNECTIONS_MAX;
    server.on("connection", (client) => this.#accept(client));
    const { publishAddress } = this.#options;
    const host = publishAddress === "0.0.0.0" ? undefined : publishAddress;
    server.listen({ port: this.#port, backlog: BACKLOG, ...(host !== undefined && { host }) });
    await once(server, "listening");
    server.on("error", (error) => this.#listen.failed(error));
    this.#server = server;
  }

  #accept(client: Socket): void {
    this.#total += 1;
    const relay: Relay = { client, tried: new Set(), target: undefined, upstream: undefined, timer: undefined, stopWaiting: undefined };
    this.#relays.add(relay);
    client.on("error", () => client.destroy());
    client.once("close", () => this.#end(relay));
    this.#connect(relay);
  }

  #connect(relay: Relay): void {
    if (relay.client.destroyed) return;
    const { targets, clock } = this.#options;
    const target = targets.pick(this.#service, relay.tried);
    if (target === undefined) return this.#wait(relay);
    relay.target = target;
    relay.tried.add(target.taskId);
    targets.opened(target.taskId);
    const upstream = connect({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    relay.upstream = upstream;
    relay.timer = clock.setTimer(CONNECT_MS, () => upstream.destroy(new Error("the task did not answer in time")));
    const onFailure = (): void => {
      relay.timer?.cancel();
      this.#release(relay);
      this.#connect(relay);
    };
    upstream.once("error", onFailure);
    upstream.once("connect", () => {
      relay.timer?.cancel();
      upstream.off("error", onFailure);
      join(relay.client, upstream);
    });
  }

  /** Every task was tried, or there is none: waits a while for the table to change, then gives up. */
  #wait(relay: Relay): void {
    if (relay.timer === undefined || relay.stopWaiting === undefined) {
      if (this.#waiting >= WAITING_MAX) return this.#refuse(relay);
      this.#waiting += 1;
      const { clock } = this.#options;
      relay.timer = clock.setTimer(WAIT_MS, () => this.#refuse(relay));
    }
    relay.stopWaiting = this.#options.targets.onceChanged(() => {
      // What was refused before may be up by now.
      relay.tried.clear();
      if (this.#options.targets.pick(this.#service, relay.tried) === undefined) return this.#wait(relay);
      this.#stopWaiting(relay);
      this.#connect(relay);
    });
  }

  #stopWaiting(relay: Relay): void {
    if (relay.stopWaiting === undefined) return;
    relay.stopWaiting();
    relay.stopWaiting = undefined;
    relay.timer?.cancel();
    relay.timer = undefined;
    this.#waiting -= 1;
  }

  #refuse(relay: Relay): void {
    this.#refused += 1;
    relay.client.resetAndDestroy();
  }

  #release(relay: Relay): void {
    if (relay.target !== undefined) this.#options.targets.closed(relay.target.taskId);
    relay.target = undefined;
    relay.upstream = undefined;
  }

  #end(relay: Relay): void {
    this.#relays.delete(relay);
    this.#stopWaiting(relay);
    relay.timer?.cancel();
    const { upstream } = relay;
    this.#release(relay);
    upstream?.removeAllListeners("error");
    upstream?.on("error", () => {});
    upstream?.destroy();
  }
}

/** Carries bytes both ways, each way held back by its reader and ended by its writer. */
function join(client: Socket, upstream: Socket): void {
  upstream.on("error", () => client.resetAndDestroy());
  upstream.once("close", (hadError) => {
    if (hadError) client.resetAndDestroy();
    else if (!client.writableEnded) client.end();
  });
  client.pipe(upstream);
  upstream.pipe(client);
}
