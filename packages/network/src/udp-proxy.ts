import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Millis, NodeId, Timer } from "@murmur/base";
import type { ListenerStatus } from "./data-plane.ts";
import { listenError } from "./listen-error.ts";
import type { Proxy, ProxySetOptions, ProxyStats } from "./proxy-set.ts";
import { RetryListen } from "./retry-listen.ts";
import type { PublishedService, Target } from "./targets.ts";

/** Clients remembered at once; the one that was silent for longest makes room. */
const FLOWS_MAX = 4_096;
/** A client that was silent for this long is forgotten, and may be sent to another task. */
const IDLE_MS: Millis = 30_000;
const SWEEP_MS: Millis = 5_000;
const BUFFER_BYTES = 1024 * 1024;

/** One client's packets, all to one task, through a socket of their own so that answers find their way back. */
interface Flow {
  readonly client: RemoteInfo;
  readonly target: Target;
  readonly socket: Socket;
  usedAt: Millis;
}

/** A published UDP port. A client's packets go to one task for as long as that may be used. */
export class UdpProxy implements Proxy {
  readonly #options: ProxySetOptions;
  readonly #port: number;
  readonly #listen: RetryListen;
  /** Oldest use first. */
  readonly #flows = new Map<string, Flow>();
  #service: PublishedService;
  #sockets: Socket[] = [];
  #sweep: Timer | undefined;
  #total = 0;
  #dropped = 0;

  constructor(options: ProxySetOptions, service: PublishedService) {
    this.#options = options;
    this.#service = service;
    this.#port = service.publishedPort;
    this.#listen = new RetryListen({
      open: () => this.#open(),
      explain: (error) => listenError("udp", this.#port, error),
      clock: options.clock,
      log: options.log,
    });
  }

  start(): void {
    this.#listen.start();
    this.#sweepLater();
  }

  serve(service: PublishedService): void {
    this.#service = service;
  }

  dropDead(nodes: ReadonlySet<NodeId>): void {
    for (const [key, flow] of this.#flows) if (nodes.has(flow.target.nodeId)) this.#forget(key, flow);
  }

  status(): ListenerStatus {
    const { listening, problem } = this.#listen;
    const base = { protocol: "udp", port: this.#port } as const;
    return listening ? { ...base, state: "listening" } : { ...base, state: "failed", ...(problem !== undefined && { error: problem }) };
  }

  stats(): ProxyStats {
    return { connections: 0, connectionsTotal: this.#total, refused: 0, flows: this.#flows.size, packetsDropped: this.#dropped };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listen[Symbol.dispose]();
    this.#sweep?.cancel();
    for (const [key, flow] of this.#flows) this.#forget(key, flow);
    const sockets = this.#sockets;
    this.#sockets = [];
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  async #open(): Promise<void> {
    const { publishAddress } = this.#options;
    // One socket for each family: an answer must come from the address that was asked.
    this.#sockets = [await this.#bind(publishAddress)];
    if (publishAddress !== "0.0.0.0") return;
    try {
      this.#sockets.push(await this.#bind("::"));
    } catch {
      // A machine without IPv6 serves IPv4.
    }
  }

  #bind(address: string): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = createSocket({ type: isIPv6(address) ? "udp6" : "udp4", ipv6Only: isIPv6(address), recvBufferSize: BUFFER_BYTES });
      socket.once("error", (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ address, port: this.#port, exclusive: true }, () => {
        socket.removeAllListeners("error");
        socket.on("error", () => (this.#dropped += 1));
        socket.on("message", (bytes, client) => this.#forward(socket, bytes, client));
        resolve(socket);
      });
    });
  }

  #forward(listener: Socket, bytes: Uint8Array, client: RemoteInfo): void {
    const key = `${client.address} ${String(client.port)}`;
    const { targets, clock } = this.#options;
    let flow = this.#flows.get(key);
    if (flow !== undefined && !targets.isUsable(this.#service, flow.target.taskId)) {
      this.#forget(key, flow);
      flow = undefined;
    }
    flow ??= this.#newFlow(listener, client, key);
    if (flow === undefined) {
      this.#dropped += 1;
      return;
    }
    flow.usedAt = clock.monotonic();
    this.#flows.delete(key);
    this.#flows.set(key, flow);
    flow.socket.send(bytes, flow.target.port, flow.target.host);
  }

  #newFlow(listener: Socket, client: RemoteInfo, key: string): Flow | undefined {
    const { targets, clock } = this.#options;
    const target = targets.pick(this.#service, new Set());
    if (target === undefined) return undefined;
    if (this.#flows.size >= FLOWS_MAX) {
      const oldest = this.#flows.entries().next();
      if (oldest.done !== true) this.#forget(...oldest.value);
    }
    this.#total += 1;
    targets.opened(target.taskId);
    const socket = createSocket({ type: isIPv6(target.host) ? "udp6" : "udp4", lookup: (host, _options, done) => done(null, host, isIPv6(host) ? 6 : 4) });
    const flow: Flow = { client, target, socket, usedAt: clock.monotonic() };
    socket.on("message", (bytes, from) => {
      if (from.port !== target.port) return;
      flow.usedAt = clock.monotonic();
      listener.send(bytes, client.port, client.address);
    });
    // The task's port is closed: the client's next packet goes to another one.
    socket.on("error", () => this.#forget(key, flow));
    return flow;
  }

  #forget(key: string, flow: Flow): void {
    if (this.#flows.get(key) !== flow && this.#flows.has(key)) return;
    this.#flows.delete(key);
    this.#options.targets.closed(flow.target.taskId);
    flow.socket.removeAllListeners("message");
    try {
      flow.socket.close();
    } catch {
      // It was never bound, or has closed itself.
    }
  }

  #sweepLater(): void {
    const { clock } = this.#options;
    this.#sweep = clock.setTimer(SWEEP_MS, () => {
      const old = clock.monotonic() - IDLE_MS;
      for (const [key, flow] of this.#flows) {
        if (flow.usedAt > old) break;
        this.#forget(key, flow);
      }
      this.#sweepLater();
    });
  }
}
