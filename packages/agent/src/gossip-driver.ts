import { messageOf, Scope, unreachable, type Clock, type Log, type Millis, type NodeId } from "@murmur/base";
import type { Random, Timer } from "@murmur/base";
import {
  decodeExchange,
  decodePacket,
  encodeExchange,
  encodePacket,
  Swim,
  type Announcement,
  type Effect,
  type Input,
  type Member,
  type MemberChange,
  type SwimConfig,
  type SwimHealth,
} from "@murmur/gossip";
import type { Abortable } from "./ports.ts";
import { withTimeLimit } from "./time-limit.ts";

/** Sealed datagrams between the nodes of one cluster. */
export interface Datagrams {
  /** Seals the bytes and sends them to `IP:port`; what can't be sent is lost. */
  send(to: string, bytes: Uint8Array): void;
  /** Calls the listener with every datagram whose seal is good. Returns how to end that. */
  onDatagram(listener: (from: string, bytes: Uint8Array) => void): () => void;
}

/** What doesn't fit a datagram, or must not be taken for dead because of a firewall: goes over the peers' connections. */
export interface ReliableChannel {
  /** Resolves when the peer at this address has answered and is this node. */
  probe(to: string, nodeId: NodeId, options: Abortable): Promise<void>;
  /** Resolves when the bytes have been handed over. `nodeId` says who is meant, where that is known. */
  deliver(
    to: { readonly address: string; readonly nodeId: NodeId | undefined },
    bytes: Uint8Array,
    options: Abortable,
  ): Promise<void>;
  /** Calls the listener with what peers deliver. Returns how to end that. */
  onDelivery(listener: (bytes: Uint8Array) => void): () => void;
}

export interface GossipDriverOptions {
  readonly self: { readonly id: NodeId; readonly address: string; readonly meta: Uint8Array };
  readonly datagrams: Datagrams;
  readonly reliable: ReliableChannel;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly config?: Partial<SwimConfig>;
}

export type MemberListener = (change: MemberChange, member: Member) => void;
export type BroadcastListener = (origin: NodeId, key: string, payload: Uint8Array) => void;

/** Probes and deliveries under way at once; one more is left out, as if it had been lost. */
const RELIABLE_MAX = 64;
const DELIVERY_LIMIT_MS: Millis = 10_000;

/**
 * Gives the membership core its time and its wires: what arrives goes in, one timer follows its next deadline, and what
 * it wants is carried out after each call. Listeners are called in the order of the core's effects and must not throw;
 * they may call back into the driver.
 */
export class GossipDriver {
  readonly #options: GossipDriverOptions;
  readonly #swim: Swim;
  readonly #scope: Scope;
  readonly #memberListeners = new Set<MemberListener>();
  readonly #broadcastListeners = new Set<BroadcastListener>();
  readonly #left = Promise.withResolvers<boolean>();
  #timer: { readonly at: Millis; readonly timer: Timer } | undefined;
  #draining = false;

  /** Throws `invalid_argument` for an identity or settings that can't work. Nothing happens before `start`. */
  constructor(options: GossipDriverOptions) {
    const { self, random, config, clock, log } = options;
    this.#options = options;
    this.#scope = new Scope(log);
    this.#swim = new Swim({
      self: { ...self, incarnation: 0 },
      random,
      now: clock.monotonic(),
      ...(config !== undefined && { config }),
    });
  }

  start(): void {
    const { datagrams, reliable } = this.#options;
    const packet = datagrams.onDatagram((from, bytes) => {
      const decoded = decodePacket(bytes);
      if (decoded !== undefined) this.#handle({ kind: "datagram", from, packet: decoded });
    });
    const delivery = reliable.onDelivery((bytes) => {
      const exchange = decodeExchange(bytes);
      if (exchange !== undefined) this.#handle({ kind: "pushPull", exchange });
    });
    this.#scope.defer(packet);
    this.#scope.defer(delivery);
    this.#scope.defer(() => this.#timer?.timer.cancel());
    this.#after();
  }

  /** Ends without a farewell: to the others this node has died. */
  async stop(): Promise<void> {
    await this.#scope[Symbol.asyncDispose]();
  }

  /** Says farewell; resolves to whether it has spread as far as news do. `stop` is to follow. */
  leave(): Promise<boolean> {
    this.#call((now) => this.#swim.leave(now));
    return this.#left.promise;
  }

  /** Makes itself known to the nodes at these addresses. */
  join(addresses: readonly string[]): void {
    this.#call((now) => this.#swim.join(addresses, now));
  }

  /** Tells all other nodes something, once each. Throws `invalid_argument` for what is too long. */
  publish(announcement: Announcement): void {
    this.#call((now) => this.#swim.publish(announcement, now));
  }

  setAddress(address: string): void {
    this.#call((now) => this.#swim.setAddress(address, now));
  }

  setMeta(meta: Uint8Array): void {
    this.#call((now) => this.#swim.setMeta(meta, now));
  }

  /** All members that are remembered, this node first. */
  members(): readonly Member[] {
    return this.#swim.members();
  }

  member(id: NodeId): Member | undefined {
    return this.#swim.member(id);
  }

  /** Whether the others have given this node up; not when it has left, or was never heard of. */
  isDead(id: NodeId): boolean {
    return this.#swim.member(id)?.state === "dead";
  }

  health(): SwimHealth {
    return this.#swim.health();
  }

  onMember(listener: MemberListener): () => void {
    this.#memberListeners.add(listener);
    return () => void this.#memberListeners.delete(listener);
  }

  onBroadcast(listener: BroadcastListener): () => void {
    this.#broadcastListeners.add(listener);
    return () => void this.#broadcastListeners.delete(listener);
  }

  #handle(input: Input): void {
    this.#call((now) => this.#swim.handle(input, now));
  }

  #call(work: (now: Millis) => void): void {
    if (this.#scope.closed) return;
    work(this.#options.clock.monotonic());
    this.#after();
  }

  /** Carries out what the core wants; what listeners bring about meanwhile comes after it. */
  #after(): void {
    if (this.#draining) return;
    this.#draining = true;
    for (let effects = this.#swim.effects(); effects.length > 0; effects = this.#swim.effects()) {
      for (const effect of effects) this.#carryOut(effect);
    }
    this.#draining = false;
    this.#setTimer(this.#swim.nextDeadline());
  }

  /** A timer that is early is left as it is: a tick that finds nothing due does no harm. */
  #setTimer(at: Millis): void {
    if (at === Infinity || this.#scope.closed || (this.#timer !== undefined && this.#timer.at <= at)) return;
    this.#timer?.timer.cancel();
    const { clock } = this.#options;
    const timer = clock.setTimer(at - clock.monotonic(), () => {
      this.#timer = undefined;
      this.#call((now) => this.#swim.tick(now));
    });
    this.#timer = { at, timer };
  }

  #carryOut(effect: Effect): void {
    const { datagrams, reliable, log } = this.#options;
    switch (effect.kind) {
      case "send":
        return datagrams.send(effect.to, encodePacket(effect.packet));
      case "reliableProbe": {
        const { to, nodeId, number, timeoutMs } = effect;
        const probe = (options: Abortable): Promise<void> => reliable.probe(to, nodeId, options);
        return this.#reliably(timeoutMs, probe, () => this.#handle({ kind: "reliableAck", number, nodeId }));
      }
      case "pushPull": {
        const bytes = encodeExchange(effect.exchange);
        const to = { address: effect.to, nodeId: effect.nodeId };
        return this.#reliably(DELIVERY_LIMIT_MS, (options) => reliable.deliver(to, bytes, options));
      }
      case "member":
        for (const listener of this.#memberListeners) listener(effect.change, effect.member);
        return;
      case "broadcast":
        for (const listener of this.#broadcastListeners) listener(effect.origin, effect.key, effect.payload);
        return;
      case "leaveFinished":
        return this.#left.resolve(effect.spread);
      case "warning":
        return log.warn(effect.text);
      default:
        return unreachable(effect);
    }
  }

  /** Failures are part of the protocol: the core draws its conclusions from what doesn't come back. */
  #reliably(limitMs: Millis, work: (options: Abortable) => Promise<void>, then = (): void => {}): void {
    if (this.#scope.running >= RELIABLE_MAX) return;
    const { clock, log } = this.#options;
    this.#scope.run("reliable channel", async (signal) => {
      try {
        await withTimeLimit({ clock, limitMs, who: "the peer", signal }, work);
      } catch (error) {
        log.debug("peer not reached", { error: messageOf(error) });
        return;
      }
      if (!signal.aborted) then();
    });
  }
}
