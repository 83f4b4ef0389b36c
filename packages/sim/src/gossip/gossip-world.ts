import { assert, nodeId, SeededRandom, unreachable, type Millis, type NodeId } from "@murmur/base";
import {
  encodeExchange,
  encodePacket,
  type Effect,
  type Exchange,
  type Input,
  type Snapshot,
  type Swim,
  type SwimConfig,
} from "@murmur/gossip";
import { SEAL_OVERHEAD_BYTES } from "@murmur/identity";
import { EventHeap } from "./event-heap.ts";
import { gossipHost, hasTime, mustWait, type Anomaly, type GossipHost } from "./gossip-host.ts";

export interface GossipWorldOptions {
  readonly seed: number;
  /** Members, all of which know each other from the start. */
  readonly members: number;
  readonly config: Partial<SwimConfig>;
  /** The share of datagrams that get lost. The reliable channel loses nothing, but takes three trips. */
  readonly loss: number;
  /** The mean of a trip's time, which is exponentially distributed; so datagrams overtake each other. */
  readonly delayMeanMs: Millis;
  /** From when on bytes are counted, else never: everything is encoded for that, which takes time. */
  readonly countBytesFromMs?: Millis;
}

/** What a member reported. */
type GossipReport = Exclude<Effect, { kind: "send" | "pushPull" | "reliableProbe" }>;
export type GossipReportListener = (observer: number, report: GossipReport, now: Millis) => void;

/**
 * Many real gossip cores on a simulated clock and network. Everything is decided by the seed. Members are numbered from
 * 0. Packets are handed over as they are, not as bytes: the codecs have tests of their own.
 */
export class GossipWorld {
  readonly #options: GossipWorldOptions;
  readonly #random: SeededRandom;
  readonly #events = new EventHeap();
  readonly #hosts: readonly GossipHost[];
  readonly #byAddress: ReadonlyMap<string, GossipHost>;
  readonly #numbers: ReadonlyMap<NodeId, number>;
  readonly #onReport: GossipReportListener;
  #now: Millis = 0;
  #datagrams = 0;
  #bytes = 0;

  constructor(options: GossipWorldOptions, onReport: GossipReportListener = () => {}) {
    this.#options = options;
    this.#onReport = onReport;
    this.#random = new SeededRandom(options.seed);
    const numbers = Array.from({ length: options.members }, (_, number) => number);
    this.#hosts = numbers.map((number) => gossipHost(number, options.config, this.#random));
    this.#byAddress = new Map(this.#hosts.map((host) => [host.address, host]));
    this.#numbers = new Map(this.#hosts.map(({ id, number }) => [id, number]));
    this.#introduce();
  }

  get now(): Millis {
    return this.#now;
  }
  /** Datagrams sent so far. */
  get datagrams(): number {
    return this.#datagrams;
  }
  /** Bytes sent since they are counted, exchanges included, datagrams sealed; without headers of UDP, TCP, TLS and IP. */
  get bytes(): number {
    return this.#bytes;
  }

  swim(member: number): Swim {
    return this.#at(member).swim;
  }

  numberOf(id: NodeId): number {
    const number = this.#numbers.get(id);
    assert(number !== undefined, "only members of the world are asked for");
    return number;
  }

  /** Lets time pass. */
  run(forMs: Millis): void {
    const until = this.#now + forMs;
    while (this.#events.next <= until) {
      const event = this.#events.take();
      this.#now = event.at;
      event.run();
    }
    this.#now = until;
  }

  /** Calls a member's core. */
  with(member: number, call: (swim: Swim, now: Millis) => void): void {
    const host = this.#at(member);
    call(host.swim, this.#now);
    this.#settle(host);
  }

  /** The process dies. */
  stop(member: number): void {
    this.#at(member).state = "stopped";
  }

  /** Holds a running member up for a while. */
  holdUp(member: number, anomaly: Anomaly, forMs: Millis): void {
    const host = this.#at(member);
    assert(host.state === "running", "only a member that runs can be held up");
    host.state = anomaly === "paused" ? "pausing" : anomaly;
    this.#events.add(this.#now + forMs, () => this.#goOn(host));
  }

  /** Timers that are due come before what waits in the sockets: the hardest order, it judges before it has heard. */
  #goOn(host: GossipHost): void {
    if (host.state === "stopped") return;
    host.state = "running";
    for (const send of host.unsent.drain()) send();
    this.#wake(host);
    for (const input of host.datagrams.drain()) this.#handle(host, input);
    for (const receive of host.streams.drain()) receive();
  }

  /** Each learns of all others, as one that joins does from its first state exchange. */
  #introduce(): void {
    const members = this.#hosts.map(({ id, address }): Snapshot => {
      const empty = { meta: new Uint8Array(), incarnation: 0, contentIncarnation: 0, ageMs: 0, published: 0 };
      return { id, address, state: "alive", ...empty };
    });
    const introducer = { from: nodeId("introducer"), address: "nowhere:1" };
    for (const host of this.#hosts) {
      const others = members.filter(({ id }) => id !== host.id);
      const header = { kind: "reply", joining: true, last: true, publications: [] } as const;
      const exchange: Exchange = { ...header, ...introducer, members: others };
      host.swim.handle({ kind: "pushPull", exchange }, 0);
      host.swim.effects();
      this.#settle(host);
    }
  }

  #at(member: number): GossipHost {
    const host = this.#hosts[member];
    assert(host !== undefined, "there is a member of that number");
    return host;
  }

  #handle(host: GossipHost, input: Input): void {
    host.swim.handle(input, this.#now);
    this.#settle(host);
  }

  /** Carries out the effects of a call, and sees to it that the core is called at its next deadline. */
  #settle(host: GossipHost): void {
    for (const effect of host.swim.effects()) this.#carryOut(host, effect);
    const at = Math.max(this.#now, host.swim.nextDeadline());
    // Like the real driver, leaves an earlier alarm as it is: it then finds that nothing is due.
    if (at >= host.wakeAt) return;
    host.wakeAt = at;
    this.#events.add(at, () => {
      if (host.wakeAt === at) this.#wake(host);
    });
  }

  #wake(host: GossipHost): void {
    host.wakeAt = Infinity;
    if (!hasTime(host)) return;
    if (host.swim.nextDeadline() <= this.#now) host.swim.tick(this.#now);
    this.#settle(host);
  }

  #carryOut(host: GossipHost, effect: Effect): void {
    switch (effect.kind) {
      case "send":
        return this.#send(host, () => this.#datagram(host, effect));
      case "pushPull":
        return this.#send(host, () => this.#pushPull(effect));
      case "reliableProbe": {
        const askedAt = this.#now;
        return this.#send(host, () => this.#reliableProbe(host, effect, askedAt));
      }
      case "member":
      case "broadcast":
      case "leaveFinished":
      case "warning":
        return this.#onReport(host.number, effect, this.#now);
      default:
        unreachable(effect);
    }
  }

  #send(host: GossipHost, send: () => void): void {
    if (mustWait(host)) host.unsent.push(send);
    else send();
  }

  #datagram(host: GossipHost, { to, packet }: Extract<Effect, { kind: "send" }>): void {
    const { loss } = this.#options;
    this.#datagrams += 1;
    if (this.#countsBytes) this.#bytes += encodePacket(packet).length + SEAL_OVERHEAD_BYTES;
    const target = this.#byAddress.get(to);
    if (target === undefined || (loss > 0 && this.#random.next() < loss)) return;
    const input: Input = { kind: "datagram", from: host.address, packet };
    this.#events.add(this.#now + this.#trip(), () => {
      if (mustWait(target)) target.datagrams.push(input);
      else if (target.state !== "stopped") this.#handle(target, input);
    });
  }

  #pushPull({ to, exchange }: Extract<Effect, { kind: "pushPull" }>): void {
    if (this.#countsBytes) this.#bytes += encodeExchange(exchange).length;
    this.#stream(to, (target) => this.#handle(target, { kind: "pushPull", exchange }));
  }

  /** The answer is of no use once the core's patience is over. */
  #reliableProbe(host: GossipHost, probe: Extract<Effect, { kind: "reliableProbe" }>, askedAt: Millis): void {
    const { to, number, nodeId, timeoutMs } = probe;
    this.#stream(to, () => {
      this.#stream(host.address, () => {
        if (this.#now - askedAt <= timeoutMs) this.#handle(host, { kind: "reliableAck", number, nodeId });
      });
    });
  }

  /** Over a new connection, so after three trips. */
  #stream(to: string, receive: (target: GossipHost) => void): void {
    const target = this.#byAddress.get(to);
    if (target === undefined) return;
    const arrive = (): void => {
      if (mustWait(target)) target.streams.push(arrive);
      else if (target.state !== "stopped") receive(target);
    };
    this.#events.add(this.#now + this.#trip() + this.#trip() + this.#trip(), arrive);
  }

  get #countsBytes(): boolean {
    return this.#now >= (this.#options.countBytesFromMs ?? Infinity);
  }

  #trip(): Millis {
    return -Math.log(1 - this.#random.next()) * this.#options.delayMeanMs;
  }
}
