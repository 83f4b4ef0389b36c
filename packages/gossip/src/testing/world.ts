import { assert, nodeId, SeededRandom, unreachable, type Millis } from "@murmur/base";
import {
  decodeExchange,
  decodePacket,
  encodeExchange,
  encodePacket,
  Swim,
  type Effect,
  type Member,
  type MemberState,
  type SwimConfig,
} from "../index.ts";
import { EventQueue } from "./event-queue.ts";

export interface WorldOptions {
  seed: number;
  config?: Partial<SwimConfig>;
  /** The share of datagrams that get lost. The reliable channel loses nothing, but takes three times as long. */
  loss?: number;
  /** One-way delay: uniform between these. */
  delayMs?: readonly [min: Millis, max: Millis];
}

/** Whether what goes from one node to another gets lost; `datagram` is false on the reliable channel. */
export type Cut = (from: string, to: string, datagram: boolean) => boolean;

/** What a node reported, and when. */
export interface Report {
  readonly at: Millis;
  readonly node: string;
  readonly effect: Exclude<Effect, { kind: "send" | "pushPull" | "reliableProbe" }>;
}

/** Datagrams that a paused process finds in its socket when it goes on; of more, the last are lost. */
const SOCKET_DATAGRAMS_MAX = 256;

export interface Identity {
  /** Where it listens; else an address made of its name. */
  address?: string;
  meta?: Uint8Array;
}

interface Host {
  readonly name: string;
  readonly address: string;
  readonly swim: Swim;
  running: boolean;
  paused: boolean;
  /** Its network is stuck, though its timers run. */
  choked: boolean;
  /** What arrived while it was paused or choked. */
  readonly waiting: (() => void)[];
  /** What it sent while it was choked. */
  readonly unsent: (() => void)[];
  /** Counts deadlines, so that an outdated timer does nothing. */
  timer: number;
}

/** Many cores in one process, on a simulated clock and network. All is decided by the seed. */
export class World {
  readonly reports: Report[] = [];
  readonly #random: SeededRandom;
  readonly #events = new EventQueue();
  readonly #options: WorldOptions;
  readonly #hosts = new Map<string, Host>();
  #blocked: Cut = () => false;
  #reliableProbes = true;
  #exchangeBytesMax = 0;
  #now = 0;
  #datagrams = 0;
  #bytes = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
  }

  get now(): Millis {
    return this.#now;
  }
  /** Datagrams sent so far. */
  get datagrams(): number {
    return this.#datagrams;
  }
  /** Their bytes, before sealing. */
  get bytes(): number {
    return this.#bytes;
  }
  /** The largest message of a state exchange so far. */
  get exchangeBytesMax(): number {
    return this.#exchangeBytesMax;
  }
  get running(): readonly string[] {
    return [...this.#hosts.values()].filter((host) => host.running).map((host) => host.name);
  }

  /** Starts a node, or starts one anew with nothing in its memory. It joins by the seeds. */
  start(name: string, seeds: readonly string[] = [], identity: Identity = {}): Swim {
    const address = identity.address ?? addressOf(name);
    const self = { id: nodeId(name), address, meta: identity.meta ?? new Uint8Array(0), incarnation: 0 };
    const random = new SeededRandom(this.#random.below(2 ** 31));
    const swim = new Swim({ self, random, config: this.#options.config ?? {}, now: this.#now });
    const former = this.#hosts.get(name);
    if (former !== undefined) former.running = false;
    const host: Host = {
      name,
      address,
      swim,
      running: true,
      paused: false,
      choked: false,
      waiting: [],
      unsent: [],
      timer: 0,
    };
    this.#hosts.set(name, host);
    if (seeds.length > 0) swim.join(seeds.map(addressOf), this.#now);
    this.#settle(host);
    return swim;
  }

  /** Starts another node under an id that is in use. */
  startTwin(name: string, address: string, seeds: readonly string[]): void {
    const original = this.#host(name);
    this.start(name, seeds, { address });
    this.#hosts.set(`twin of ${name}`, this.#host(name));
    this.#hosts.set(name, original);
    original.running = true;
  }

  /** Starts `count` nodes, n1 the seed of all others, and lets them find each other. */
  startMany(count: number): readonly string[] {
    const names = Array.from({ length: count }, (_, index) => `n${index + 1}`);
    for (const name of names) this.start(name, name === "n1" ? [] : ["n1"]);
    return names;
  }

  /** Kills a node: it says nothing any more. */
  stop(name: string): void {
    this.#host(name).running = false;
  }

  /** Stops a process for a while; afterwards it goes on as if nothing had happened. */
  pause(name: string, forMs: Millis): void {
    const host = this.#host(name);
    host.paused = true;
    this.#events.add(this.#now + forMs, () => {
      host.paused = false;
      // As in Node.js: timers that are due come before what waits in the sockets.
      this.#tick(host, host.timer);
      for (const deliver of host.waiting.splice(0)) deliver();
    });
  }

  /** Holds all that a node sends and receives for a while; its timers run on. The anomaly of the Lifeguard paper. */
  choke(name: string, forMs: Millis): void {
    const host = this.#host(name);
    host.choked = true;
    this.#events.add(this.#now + forMs, () => {
      host.choked = false;
      for (const send of host.unsent.splice(0)) send();
      for (const deliver of host.waiting.splice(0)) deliver();
    });
  }

  /** Cuts the network wherever `blocked` says so. */
  cut(blocked: Cut): void {
    this.#blocked = blocked;
  }

  heal(): void {
    this.#blocked = () => false;
  }

  /** From now on no node can be probed over the reliable channel; states are still exchanged. */
  breakReliableProbes(): void {
    this.#reliableProbes = false;
  }

  /** Calls a node's core, and does what it then wants. */
  with(name: string, call: (swim: Swim, now: Millis) => void): void {
    const host = this.#host(name);
    call(host.swim, this.#now);
    this.#settle(host);
  }

  /** Lets time pass. */
  run(forMs: Millis): void {
    const until = this.#now + forMs;
    for (let event = this.#events.takeUntil(until); event !== undefined; event = this.#events.takeUntil(until)) {
      this.#now = event.at;
      event.run();
    }
    this.#now = until;
  }

  /** Lets time pass until it is so; how long it took, or undefined when it was not so within `limitMs`. */
  runUntil(isSo: () => boolean, limitMs: Millis): Millis | undefined {
    const start = this.#now;
    while (!isSo()) {
      if (this.#now - start >= limitMs) return undefined;
      this.run(10);
    }
    return this.#now - start;
  }

  member(observer: string, subject: string): Member | undefined {
    return this.#host(observer).swim.member(nodeId(subject));
  }

  /** Whether each of the observers sees each of the subjects so. */
  allSee(observers: readonly string[], subjects: readonly string[], state: MemberState | undefined): boolean {
    return observers.every((observer) => subjects.every((subject) => this.member(observer, subject)?.state === state));
  }

  swim(name: string): Swim {
    return this.#host(name).swim;
  }

  /** Deaths that were declared, as "observer: subject". */
  deaths(): readonly string[] {
    return this.reports.flatMap(({ node, effect }) =>
      effect.kind === "member" && effect.change === "dead" ? [`${node}: ${effect.member.id}`] : [],
    );
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name);
    assert(host !== undefined, `there is a node ${name}`);
    return host;
  }

  /** Carries out the effects of a call, and sets the timer anew. */
  #settle(host: Host): void {
    for (const effect of host.swim.effects()) this.#carryOut(host, effect);
    host.timer += 1;
    const timer = host.timer;
    const deadline = host.swim.nextDeadline();
    if (deadline < Infinity) this.#events.add(Math.max(this.#now, deadline), () => this.#tick(host, timer));
  }

  #tick(host: Host, timer: number): void {
    if (!host.running || host.paused || host.timer !== timer) return;
    host.swim.tick(this.#now);
    this.#settle(host);
  }

  #carryOut(host: Host, effect: Effect): void {
    switch (effect.kind) {
      case "send": {
        const bytes = encodePacket(effect.packet);
        this.#datagrams += 1;
        this.#bytes += bytes.length;
        if (this.#random.next() < (this.#options.loss ?? 0)) return;
        const packet = decodePacket(bytes);
        assert(packet !== undefined, "an encoded packet can be decoded");
        return this.#deliver(host, effect.to, 1, (swim) => {
          swim.handle({ kind: "datagram", from: host.address, packet }, this.#now);
        });
      }
      case "pushPull": {
        const bytes = encodeExchange(effect.exchange);
        this.#exchangeBytesMax = Math.max(this.#exchangeBytesMax, bytes.length);
        const exchange = decodeExchange(bytes);
        assert(exchange !== undefined, "an encoded exchange can be decoded");
        return this.#deliver(host, effect.to, 3, (swim) => swim.handle({ kind: "pushPull", exchange }, this.#now));
      }
      case "reliableProbe":
        return this.#probeReliably(host, effect);
      case "member":
      case "broadcast":
      case "leaveFinished":
      case "warning":
        this.reports.push({ at: this.#now, node: host.name, effect });
        return;
      default:
        unreachable(effect);
    }
  }

  #probeReliably(host: Host, effect: Extract<Effect, { kind: "reliableProbe" }>): void {
    const { to, number, timeoutMs } = effect;
    const askedAt = this.#now;
    if (!this.#reliableProbes) return;
    this.#deliver(host, to, 3, (_, answering) => {
      this.#deliver(answering, host.address, 3, (swim) => {
        if (this.#now - askedAt > timeoutMs) return;
        swim.handle({ kind: "reliableAck", number, nodeId: nodeId(answering.name) }, this.#now);
      });
    });
  }

  #deliver(from: Host, to: string, trips: number, receive: (swim: Swim, host: Host) => void): void {
    const target = [...this.#hosts.values()].find((host) => host.address === to);
    if (target === undefined || this.#blocked(from.name, target.name, trips === 1)) return;
    const [least, most] = this.#options.delayMs ?? [0.2, 2];
    const delayMs = trips * (least + this.#random.next() * (most - least));
    const deliver = (): void => {
      if (!target.running) return;
      if (target.paused || target.choked) {
        if (target.waiting.length < SOCKET_DATAGRAMS_MAX) target.waiting.push(deliver);
        return;
      }
      receive(target.swim, target);
      this.#settle(target);
    };
    if (from.choked) from.unsent.push(() => this.#events.add(this.#now + delayMs, deliver));
    else this.#events.add(this.#now + delayMs, deliver);
  }
}

export const addressOf = (name: string): string => `${name}:7373`;
