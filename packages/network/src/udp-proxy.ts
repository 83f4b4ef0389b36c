import type { RemoteInfo, Socket } from "node:dgram";
import type { Millis, NodeId, Timer } from "@murmur/base";
import type { TaskId } from "@murmur/model";
import type { ListenAt } from "./listen-at.ts";
import { problemOf } from "./listen-error.ts";
import { portStatus, type ListenerStatus } from "./listener-status.ts";
import { openUdpPort } from "./open-port.ts";
import { NO_TRAFFIC, type Proxy, type ProxyTools, type ProxyStats } from "./proxy.ts";
import { plainAddress } from "./proxy-header.ts";
import type { PublishedPort } from "./published-port.ts";
import { RetryListen } from "./retry-listen.ts";
import type { Wish } from "./targets.ts";
import { UdpFlow } from "./udp-flow.ts";

/** Clients remembered at once; the one that was silent for longest makes room. Each costs a socket. */
const FLOWS_MAX = 4_096;
/** A client that was silent both ways for this long is forgotten, and may be sent to another task. */
const IDLE_MS: Millis = 30_000;
const SWEEP_MS: Millis = 5_000;
/** Answers that the kernel has not taken yet; more are dropped, as on any full way. */
const SEND_QUEUE_MAX = 1_024;

/** A published UDP port. A client's packets go to one task for as long as that may be used. */
export class UdpProxy implements Proxy {
  readonly port: PublishedPort;
  readonly #options: ProxyTools;
  readonly #at: ListenAt;
  readonly #listen: RetryListen<readonly Socket[]>;
  /** Least recently used first. */
  readonly #flows = new Map<string, UdpFlow>();
  #sweep: Timer | undefined;
  #dropped = 0;

  constructor(options: ProxyTools, port: PublishedPort, at: ListenAt) {
    this.#options = options;
    this.port = port;
    this.#at = at;
    this.#listen = new RetryListen({
      open: (onBroken) => this.#open(onBroken),
      close: (sockets) => {
        for (const socket of sockets) socket.close();
      },
      explain: (error) => problemOf(port, error),
      clock: options.clock,
      log: options.log,
    });
  }

  start(): void {
    this.#listen.start();
    this.#sweepLater();
  }

  retry(): Promise<void> {
    return this.#listen.retry();
  }

  /** Without the port no packet goes either way: flows end with it. */
  async retire(): Promise<void> {
    this.#sweep?.cancel();
    for (const [key, flow] of this.#flows) this.#forget(key, flow);
    await this.#listen[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.retire();
  }

  dropDead(nodes: ReadonlySet<NodeId>): void {
    for (const [key, flow] of this.#flows) if (nodes.has(flow.target.nodeId)) this.#forget(key, flow);
  }

  status(): ListenerStatus {
    return portStatus(this.port, this.#listen);
  }

  stats(): ProxyStats {
    return { ...NO_TRAFFIC, flows: this.#flows.size, packetsDropped: this.#dropped };
  }

  async #open(onBroken: (error: Error) => void): Promise<readonly Socket[]> {
    const sockets = await openUdpPort(this.#at, this.port.port, onBroken);
    for (const socket of sockets) {
      socket.on("message", (bytes, client) => this.#forward(socket, bytes, client));
    }
    return sockets;
  }

  #forward(listener: Socket, bytes: Uint8Array, client: RemoteInfo): void {
    const key = `${client.address} ${String(client.port)}`;
    const flow = this.#flowOf(key, listener, client);
    if (flow === undefined || !flow.send(bytes)) this.#dropped += 1;
  }

  /** The client's flow, or a new one where there is none or its task may not be used any more. */
  #flowOf(key: string, listener: Socket, client: RemoteInfo): UdpFlow | undefined {
    const { targets } = this.#options;
    const present = this.#flows.get(key);
    if (present === undefined) {
      return this.#begin(key, targets.pick(this.port.key, wishOf(client)), listener, client);
    }
    if (present.checkedIn !== targets.epoch && targets.isUsable(this.port.key, present.target.taskId)) {
      present.checkedIn = targets.epoch;
    }
    if (present.checkedIn === targets.epoch && !present.isRefused) {
      this.#used(key, present);
      return present;
    }
    this.#forget(key, present);
    const tried = new Set<TaskId>(present.isRefused ? [present.target.taskId] : []);
    const target =
      targets.pick(this.port.key, { ...wishOf(client), tried }) ?? targets.pick(this.port.key, wishOf(client));
    return this.#begin(key, target, listener, client);
  }

  #begin(
    key: string,
    target: UdpFlow["target"] | undefined,
    listener: Socket,
    client: RemoteInfo,
  ): UdpFlow | undefined {
    if (target === undefined) return undefined;
    const { targets, clock } = this.#options;
    for (const [oldest, flow] of this.#flows) {
      if (this.#flows.size < FLOWS_MAX) break;
      this.#forget(oldest, flow);
    }
    targets.opened(target.taskId);
    const flow = new UdpFlow(target, (bytes) => {
      this.#used(key, flow);
      if (listener.getSendQueueCount() >= SEND_QUEUE_MAX) return void (this.#dropped += 1);
      // With a callback an unreachable client is no error of the listener.
      listener.send(bytes, client.port, client.address, (error) => {
        if (error !== null) this.#dropped += 1;
      });
    });
    flow.checkedIn = targets.epoch;
    flow.usedAt = clock.monotonic();
    this.#flows.set(key, flow);
    return flow;
  }

  #used(key: string, flow: UdpFlow): void {
    flow.usedAt = this.#options.clock.monotonic();
    this.#flows.delete(key);
    this.#flows.set(key, flow);
  }

  #forget(key: string, flow: UdpFlow): void {
    this.#flows.delete(key);
    this.#options.targets.closed(flow.target.taskId);
    flow[Symbol.dispose]();
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

const wishOf = (client: RemoteInfo): Wish => ({ clientAddress: () => plainAddress(client.address) });
