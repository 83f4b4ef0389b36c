import { ClusterError, type Clock, type Log, type Millis, type NodeId, type Random } from "@murmur/base";
import { noAnswer } from "./dial-error.ts";
import { DATAGRAM_BYTES_MAX, DatagramCounters, type DatagramHandlers, type Datagrams } from "./datagrams.ts";
import { PROTOCOL, type Hello } from "./hello.ts";
import type { JoinDesk } from "./join-desk.ts";
import { transportLimits, type TransportLimits } from "./limits.ts";
import type { Connector, Dialled, Incoming, Link } from "./link.ts";
import { MemoryLink } from "./memory-link.ts";
import type { PeerTransport } from "./peer-transport.ts";
import { Peers } from "./peers.ts";

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** One way; uniform between the two. Default: 1 and 2 ms. */
  readonly latencyMs?: readonly [min: Millis, max: Millis];
  /** The part of the datagrams that get lost, from 0 to 1. Connections lose nothing: they take longer. Default: 0. */
  readonly loss?: number;
}

export interface MemoryTransportOptions {
  readonly nodeId: NodeId;
  /** "host:port", as other nodes dial it. */
  readonly address: string;
  readonly addressOf: (id: NodeId) => string | undefined;
  readonly log: Log;
  readonly software?: string;
  readonly limits?: Partial<TransportLimits>;
  readonly protocol?: { readonly min: number; readonly max: number };
}

interface Station {
  readonly nodeId: NodeId;
  readonly accept: (incoming: Incoming) => void;
  readonly joins: JoinDesk;
}

/** One direction of a simulated connection. */
interface Cable {
  readonly from: string;
  readonly to: string;
  readonly link: MemoryLink;
}

/** What a retransmission adds to the latency of a frame that was lost. */
const RETRANSMISSION_MS = 200;

/**
 * A network in memory, for tests and the simulator: the same transport over simulated links, in simulated time. The same
 * clock, seed and calls give the same events in the same order. Hosts are named by their addresses.
 */
export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #random: Random;
  #latencyMs: readonly [Millis, Millis];
  #loss: number;
  readonly #stations = new Map<string, Station>();
  readonly #packets = new Map<string, (from: string, bytes: Uint8Array) => void>();
  readonly #cables = new Set<Cable>();
  /** Directions that carry nothing, as "from to". */
  readonly #cuts = new Set<string>();

  constructor(options: MemoryNetworkOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#latencyMs = options.latencyMs ?? [1, 2];
    this.#loss = options.loss ?? 0;
  }

  /** Changes the weather: from now on, for everybody. */
  set(options: { readonly latencyMs?: readonly [Millis, Millis]; readonly loss?: number }): void {
    this.#latencyMs = options.latencyMs ?? this.#latencyMs;
    this.#loss = options.loss ?? this.#loss;
  }

  /** Opens a node's transport; the counterpart of `openPeerTransport`. */
  openPeerTransport(options: MemoryTransportOptions): PeerTransport {
    const { nodeId, address, addressOf, log, limits = {}, software = "simulated", protocol = PROTOCOL } = options;
    if (this.#stations.has(address)) throw new ClusterError("port_conflict", `${address} is in use`);
    return new Peers({
      self: nodeId,
      versions: { software, protocolMin: protocol.min, protocolMax: protocol.max },
      connector: this.#connector(nodeId, address),
      addressOf,
      log,
      clock: this.#clock,
      random: this.#random,
      limits: transportLimits(limits),
    });
  }

  /** Opens a node's datagrams; the counterpart of `openDatagrams`. */
  openDatagrams(address: string, handlers: DatagramHandlers): Datagrams {
    if (this.#packets.has(address)) throw new ClusterError("port_conflict", `UDP ${address} is in use`);
    const counters = new DatagramCounters();
    this.#packets.set(address, (from, bytes) => {
      counters.received(bytes.length);
      const opened = handlers.open(bytes);
      if (opened === undefined) counters.unopened();
      else handlers.onPacket(from, opened);
    });
    return {
      address,
      send: (to, bytes) => {
        const sealed = new Uint8Array(handlers.seal(bytes));
        if (sealed.length > DATAGRAM_BYTES_MAX || !this.#packets.has(address)) return counters.failed();
        counters.sent(sealed.length);
        this.#sendPacket({ from: address, to, bytes: sealed });
      },
      stats: () => counters.read(),
      [Symbol.asyncDispose]: async () => void this.#packets.delete(address),
    };
  }

  /** The counterpart of `joinCall`; there are no certificates to check. */
  async joinCall(from: string, to: string, options: { method: string; body: unknown }): Promise<unknown> {
    await this.#travel(from, to);
    const station = this.#stations.get(to);
    if (station === undefined) throw refused(to);
    const { software, protocolMin, protocolMax } = station.joins.versions;
    const body: unknown = JSON.parse(JSON.stringify(options.body ?? null));
    const versions = { software, protocolMin, protocolMax };
    const answer = await station.joins.answer({ remoteAddress: from, versions, method: options.method, body });
    await this.#travel(to, from);
    if (!answer.ok) throw new ClusterError(answer.code, answer.message);
    return JSON.parse(JSON.stringify(answer.value ?? null));
  }

  /** Lets nothing through between two hosts, without either being told. */
  cut(a: string, b: string): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  cutOneWay(from: string, to: string): void {
    this.#cuts.add(`${from} ${to}`);
    for (const cable of this.#cables) if (cable.from === from && cable.to === to) cable.link.cut();
  }

  /** Lets everything through again; what the connections still hold arrives now. */
  heal(a: string, b: string): void {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#cuts.delete(`${from} ${to}`);
      for (const cable of this.#cables) if (cable.from === from && cable.to === to) cable.link.heal();
    }
  }

  /** Breaks all connections of a host, as a firewall that resets them does. */
  reset(address: string): void {
    for (const cable of this.#cables) {
      if (cable.from !== address && cable.to !== address) continue;
      cable.link.reset();
    }
  }

  /**
   * Ends a host's part in the network: with `process`, its connections are reset, as the kernel does for a killed process;
   * with `host`, they fall silent. Its transport is of no use any more; a new one may be opened at the same address.
   */
  kill(address: string, what: "process" | "host"): void {
    this.#stations.delete(address);
    this.#packets.delete(address);
    for (const cable of this.#cables) {
      if (cable.from !== address) continue;
      this.#cables.delete(cable);
      if (what === "process") cable.link.destroy();
      else cable.link.vanish();
    }
  }

  #connector(nodeId: NodeId, address: string): Connector {
    let station: Station | undefined;
    return {
      address,
      listen: (accept, joins) => {
        station = { nodeId, accept, joins };
        this.#stations.set(address, station);
      },
      dial: (to, toAddress, { own, signal }) => {
        // A killed node that runs on reaches nobody.
        const alive = station !== undefined && this.#stations.get(address) === station;
        if (!alive) return Promise.reject(noAnswer(toAddress));
        return abortable(this.#dial(to, { from: address, to: toAddress, own, self: nodeId }), signal);
      },
      identityChanged: () => {},
      [Symbol.asyncDispose]: async () => {
        if (this.#stations.get(address) === station) this.#stations.delete(address);
      },
    };
  }

  async #dial(id: NodeId, way: { from: string; to: string; own: Hello; self: NodeId }): Promise<Dialled> {
    await this.#travel(way.from, way.to);
    const station = this.#stations.get(way.to);
    if (station === undefined) {
      await this.#travel(way.to, way.from);
      throw refused(way.to);
    }
    if (station.nodeId !== id) {
      throw new ClusterError("unauthenticated", `the node at ${way.to} is ${station.nodeId}, not ${id}`);
    }
    const answer = await new Promise<{ link: Link; hello: Hello }>((resolve, reject) => {
      station.accept({
        from: way.self,
        hello: way.own,
        refuse: reject,
        accept: (hello, established) => {
          const [near, far] = this.#pair(way.from, way.to);
          established(far);
          resolve({ link: near, hello });
        },
      });
    });
    await this.#travel(way.to, way.from);
    return answer;
  }

  #pair(from: string, to: string): [MemoryLink, MemoryLink] {
    const [near, far] = MemoryLink.pair({
      clock: this.#clock,
      latency: () => this.#frameLatency(),
      onEnded: (end) => this.#unplug(end),
    });
    for (const cable of [
      { from, to, link: near },
      { from: to, to: from, link: far },
    ]) {
      this.#cables.add(cable);
      if (this.#cuts.has(`${cable.from} ${cable.to}`)) cable.link.cut();
    }
    return [near, far];
  }

  #unplug(end: MemoryLink): void {
    for (const cable of this.#cables) if (cable.link === end) this.#cables.delete(cable);
  }

  /** Waits for one way; for ever when it is cut. */
  #travel(from: string, to: string): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.setTimer(this.#frameLatency(), () => {
        if (!this.#cuts.has(`${from} ${to}`)) resolve();
      });
    });
  }

  #sendPacket({ from, to, bytes }: { from: string; to: string; bytes: Uint8Array }): void {
    const lost = this.#random.next() < this.#loss;
    const latency = this.#latency();
    if (lost) return;
    this.#clock.setTimer(latency, () => {
      if (!this.#cuts.has(`${from} ${to}`)) this.#packets.get(to)?.(from, bytes);
    });
  }

  #latency(): Millis {
    const [min, max] = this.#latencyMs;
    return min + this.#random.next() * (max - min);
  }

  #frameLatency(): Millis {
    return this.#latency() + (this.#random.next() < this.#loss ? RETRANSMISSION_MS : 0);
  }
}

const refused = (address: string): ClusterError =>
  new ClusterError("unavailable", `cannot reach ${address}: the connection was refused`);

/** Rejects when the signal is aborted; a link that comes later is closed. */
function abortable(dialled: Promise<Dialled>, signal: AbortSignal): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    dialled.then(
      (value) => {
        signal.removeEventListener("abort", onAbort);
        if (signal.aborted) value.link.destroy();
        else resolve(value);
      },
      (error: unknown) => reject(error),
    );
  });
}
