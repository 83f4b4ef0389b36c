import { X509Certificate } from "node:crypto";
import { ClusterError, type Clock, type Log, type Millis, type NodeId, type Random } from "@murmur/base";
import { noAnswer } from "./dial-error.ts";
import { DATAGRAM_BYTES_MAX, DatagramCounters, type DatagramHandlers, type Datagrams } from "./datagrams.ts";
import { PROTOCOL, type Hello } from "./hello.ts";
import type { JoinDesk } from "./join-desk.ts";
import { transportLimits, type TransportLimits } from "./limits.ts";
import type { Connector, Dialled, Incoming, Link } from "./link.ts";
import { MemoryLink, type Enter, type MemoryPipeOptions } from "./memory-link.ts";
import type { PeerTransport } from "./peer-transport.ts";
import { Peers } from "./peers.ts";
import type { VerifyPeer } from "./tls-dial.ts";
import type { NodeIdentity } from "./tls-socket.ts";

/** What happens to what is sent. */
export interface Weather {
  /** One way; uniform between the two. Datagrams overtake each other, frames of a connection don't. Default: 1 and 2 ms. */
  readonly latencyMs: readonly [min: Millis, max: Millis];
  /** The part of the datagrams that get lost, from 0 to 1. Connections lose nothing: they take longer. Default: 0. */
  readonly loss: number;
  /** The part of the datagrams that arrive once more, up to a second later. Default: 0. */
  readonly duplicates: number;
}

export interface MemoryNetworkOptions extends Partial<Weather> {
  readonly clock: Clock;
  readonly random: Random;
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
  /** How events reach the process that opens this. Default: at once. */
  readonly enter?: Enter;
  /** The process's own clock. Default: the network's. */
  readonly clock?: Clock;
  /** What it shows, and how it checks what others show. Default: it shows nothing, and nobody's is checked. */
  readonly credentials?: Credentials;
}

interface Credentials {
  readonly identity: () => Pick<NodeIdentity, "certificatePem" | "caPem" | "chainPem">;
  readonly verifyPeer: VerifyPeer;
}

interface Station {
  readonly enter: Enter;
  readonly nodeId: NodeId;
  readonly accept: (incoming: Incoming) => void;
  readonly joins: JoinDesk;
  readonly credentials: Credentials | undefined;
}

/** How a connection is asked for. */
interface Way {
  readonly from: string;
  readonly to: string;
  readonly own: Hello;
  readonly self: NodeId;
  readonly enter: Enter;
  readonly credentials: Credentials | undefined;
}

/** One direction of a simulated connection. */
interface Cable {
  readonly from: string;
  readonly to: string;
  readonly link: MemoryLink;
}

/** What a cut stops. */
type Cut = "everything" | "connections" | "datagrams";

/** What a retransmission adds to the latency of a frame that was lost. */
const RETRANSMISSION_MS = 200;
/** How late a copy of a datagram may come. */
const COPY_MS = 1_000;

const FAIR: Weather = { latencyMs: [1, 2], loss: 0, duplicates: 0 };
const atOnce: Enter = (work) => work();

/**
 * A network in memory, for tests and the simulator: the same transport over simulated links, in simulated time. The same
 * clock, seed and calls give the same events in the same order. Hosts are named by their addresses.
 */
export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #random: Random;
  #weather: Weather;
  readonly #stations = new Map<string, Station>();
  readonly #packets = new Map<string, (from: string, bytes: Uint8Array) => void>();
  /** Between two hosts it may be different than elsewhere, as "from to". */
  readonly #local = new Map<string, Weather>();
  readonly #cables = new Set<Cable>();
  /** Directions that carry nothing, or not all, as "from to". */
  readonly #cuts = new Map<string, Cut>();

  constructor(options: MemoryNetworkOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#weather = { ...FAIR, ...options };
  }

  /** Changes the weather: from now on, for everybody. */
  set(weather: Partial<Weather>): void {
    this.#weather = { ...this.#weather, ...weather };
  }

  /** Changes the weather in one direction; undefined: as everywhere else. */
  setBetween(from: string, to: string, weather: Partial<Weather> | undefined): void {
    if (weather === undefined) this.#local.delete(`${from} ${to}`);
    else this.#local.set(`${from} ${to}`, { ...FAIR, ...weather });
  }

  /** Opens a node's transport; the counterpart of `openPeerTransport`. */
  openPeerTransport(options: MemoryTransportOptions): PeerTransport {
    const { nodeId, address, addressOf, log, limits = {} } = options;
    const { software = "simulated", protocol = PROTOCOL, enter = atOnce, clock = this.#clock, credentials } = options;
    if (this.#stations.has(address)) throw new ClusterError("port_conflict", `${address} is in use`);
    return new Peers({
      self: nodeId,
      versions: { software, protocolMin: protocol.min, protocolMax: protocol.max },
      connector: this.#connector({ nodeId, address, enter, credentials }),
      addressOf,
      log,
      clock,
      random: this.#random,
      limits: transportLimits(limits),
    });
  }

  /** Opens a node's datagrams; the counterpart of `openDatagrams`. */
  openDatagrams(address: string, handlers: DatagramHandlers, enter: Enter = atOnce): Datagrams {
    if (this.#packets.has(address)) throw new ClusterError("port_conflict", `UDP ${address} is in use`);
    const counters = new DatagramCounters();
    const receive = (from: string, bytes: Uint8Array): void => {
      if (this.#packets.get(address) !== arrived) return;
      counters.received(bytes.length);
      const opened = handlers.open(bytes);
      if (opened === undefined) counters.unopened();
      else handlers.onPacket(from, opened);
    };
    const arrived = (from: string, bytes: Uint8Array): void => enter(() => receive(from, bytes));
    this.#packets.set(address, arrived);
    return {
      address,
      send: (to, bytes) => {
        const sealed = new Uint8Array(handlers.seal(bytes));
        if (sealed.length > DATAGRAM_BYTES_MAX || this.#packets.get(address) !== arrived) return counters.failed();
        counters.sent(sealed.length);
        this.#sendPacket({ from: address, to, bytes: sealed });
      },
      stats: () => counters.read(),
      [Symbol.asyncDispose]: async () => {
        if (this.#packets.get(address) === arrived) this.#packets.delete(address);
      },
    };
  }

  /** The counterpart of `joinCall`. All certificates that a member shows count as vouching for it. */
  async joinCall(
    from: string,
    to: string,
    options: {
      readonly method: string;
      readonly body: unknown;
      readonly enter?: Enter;
      readonly software?: string;
      readonly protocol?: { readonly min: number; readonly max: number };
      readonly caDigestCheck?: (authoritiesPem: string) => void;
    },
  ): Promise<unknown> {
    const { enter = atOnce, software = "simulated", protocol = PROTOCOL } = options;
    const station = await this.#reach(from, to);
    if (station === undefined) {
      await this.#travel(to, from, enter);
      throw refused(to);
    }
    const shown = station.credentials?.identity();
    if (shown !== undefined) options.caDigestCheck?.(shown.chainPem ?? shown.caPem);
    const body: unknown = JSON.parse(JSON.stringify(options.body ?? null));
    const versions = { software, protocolMin: protocol.min, protocolMax: protocol.max };
    const answer = await station.joins.answer({ remoteAddress: from, versions, method: options.method, body });
    await this.#travel(to, from, enter);
    if (!answer.ok) throw new ClusterError(answer.code, answer.message);
    return JSON.parse(JSON.stringify(answer.value ?? null));
  }

  /** Lets nothing through between two hosts, without either being told; or only one kind of it, as a firewall may. */
  cut(a: string, b: string, what: Cut = "everything"): void {
    this.cutOneWay(a, b, what);
    this.cutOneWay(b, a, what);
  }

  cutOneWay(from: string, to: string, what: Cut = "everything"): void {
    this.#cuts.set(`${from} ${to}`, what);
    if (what === "datagrams") return;
    for (const cable of this.#cables) if (cable.from === from && cable.to === to) cable.link.cut();
  }

  /** Lets everything through again; what the connections still hold arrives now. */
  heal(a: string, b: string): void {
    this.healOneWay(a, b);
    this.healOneWay(b, a);
  }

  healOneWay(from: string, to: string): void {
    this.#cuts.delete(`${from} ${to}`);
    for (const cable of this.#cables) if (cable.from === from && cable.to === to) cable.link.heal();
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

  #connector({
    nodeId,
    address,
    enter,
    credentials,
  }: Omit<Station, "accept" | "joins"> & { address: string }): Connector {
    let station: Station | undefined;
    return {
      address,
      listen: (accept, joins) => {
        station = { enter, nodeId, accept, joins, credentials };
        this.#stations.set(address, station);
      },
      dial: (to, toAddress, { own, signal }) => {
        // A killed node that runs on reaches nobody.
        const alive = station !== undefined && this.#stations.get(address) === station;
        if (!alive) return Promise.reject(noAnswer(toAddress));
        const way = { from: address, to: toAddress, own, self: nodeId, enter, credentials };
        return abortable(this.#dial(to, way), signal);
      },
      identityChanged: () => {},
      [Symbol.asyncDispose]: async () => {
        if (this.#stations.get(address) === station) this.#stations.delete(address);
      },
    };
  }

  async #dial(id: NodeId, way: Way): Promise<Dialled> {
    const station = await this.#reach(way.from, way.to);
    if (station === undefined) {
      await this.#travel(way.to, way.from, way.enter);
      throw refused(way.to);
    }
    if (station.nodeId !== id) {
      throw new ClusterError("unavailable", `the node at ${way.to} is ${station.nodeId}, not ${id}`);
    }
    check(station.credentials, way.credentials);
    check(way.credentials, station.credentials);
    const answer = await new Promise<{ link: Link; hello: Hello }>((resolve, reject) => {
      station.accept({
        from: way.self,
        hello: way.own,
        refuse: reject,
        accept: (hello, established) => {
          const [near, far] = this.#pair(way, station);
          established(far);
          resolve({ link: near, hello });
        },
      });
    });
    await this.#travel(way.to, way.from, way.enter);
    return answer;
  }

  #pair({ from, to, enter }: { from: string; to: string; enter: Enter }, station: Station): [MemoryLink, MemoryLink] {
    const end = (source: string, target: string, own: Enter): MemoryPipeOptions => ({
      clock: this.#clock,
      latency: () => this.#frameLatency(source, target),
      enter: own,
      onEnded: (link) => this.#unplug(link),
    });
    const [near, far] = MemoryLink.pair(end(from, to, enter), end(to, from, station.enter));
    for (const cable of [
      { from, to, link: near },
      { from: to, to: from, link: far },
    ]) {
      this.#cables.add(cable);
      if (this.#stops("connections", cable.from, cable.to)) cable.link.cut();
    }
    return [near, far];
  }

  #unplug(end: MemoryLink): void {
    for (const cable of this.#cables) if (cable.link === end) this.#cables.delete(cable);
  }

  /** Waits for one way, until the process at its end notices; for ever when the way is cut. */
  #travel(from: string, to: string, enter: Enter): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.setTimer(this.#frameLatency(from, to), () => {
        if (!this.#stops("connections", from, to)) enter(resolve);
      });
    });
  }

  /** Waits for one way, and says who is there then. */
  #reach(from: string, to: string): Promise<Station | undefined> {
    return new Promise((resolve) => {
      this.#clock.setTimer(this.#frameLatency(from, to), () => {
        if (this.#stops("connections", from, to)) return;
        const station = this.#stations.get(to);
        if (station === undefined) resolve(undefined);
        else station.enter(() => resolve(station));
      });
    });
  }

  #sendPacket(packet: { from: string; to: string; bytes: Uint8Array }): void {
    const { from, to } = packet;
    const weather = this.#weatherBetween(from, to);
    const { loss, duplicates } = weather;
    const lost = this.#random.next() < loss;
    const latency = this.#latencyIn(weather);
    if (!lost) this.#deliverIn(latency, packet);
    if (duplicates > 0 && this.#random.next() < duplicates) {
      this.#deliverIn(latency + this.#random.next() * COPY_MS, packet);
    }
  }

  #deliverIn(delayMs: Millis, { from, to, bytes }: { from: string; to: string; bytes: Uint8Array }): void {
    this.#clock.setTimer(delayMs, () => {
      if (!this.#stops("datagrams", from, to)) this.#packets.get(to)?.(from, bytes);
    });
  }

  #stops(kind: "connections" | "datagrams", from: string, to: string): boolean {
    const cut = this.#cuts.get(`${from} ${to}`);
    return cut === "everything" || cut === kind;
  }

  #weatherBetween(from: string, to: string): Weather {
    return (this.#local.size === 0 ? undefined : this.#local.get(`${from} ${to}`)) ?? this.#weather;
  }

  #latencyIn({ latencyMs }: Weather): Millis {
    return latencyMs[0] + this.#random.next() * (latencyMs[1] - latencyMs[0]);
  }

  #frameLatency(from: string, to: string): Millis {
    const weather = this.#weatherBetween(from, to);
    return this.#latencyIn(weather) + (this.#random.next() < weather.loss ? RETRANSMISSION_MS : 0);
  }
}

/** Throws what one end has against the other's certificate. */
function check(shown: Credentials | undefined, to: Credentials | undefined): void {
  if (shown !== undefined) to?.verifyPeer(certificateOf(shown.identity()));
}

type Identity = ReturnType<Credentials["identity"]>;
/** To read a certificate takes longer than all else about a connection. */
const certificates = new WeakMap<Identity, X509Certificate>();

function certificateOf(identity: Identity): X509Certificate {
  const certificate = certificates.get(identity) ?? new X509Certificate(identity.certificatePem);
  certificates.set(identity, certificate);
  return certificate;
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
