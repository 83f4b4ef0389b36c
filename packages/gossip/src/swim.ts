import { assert, ClusterError, unreachable, type Millis, type NodeId, type Random } from "@murmur/base";
import { AntiEntropy } from "./anti-entropy.ts";
import { BroadcastQueue } from "./broadcast-queue.ts";
import { swimConfig, type SwimConfig } from "./config.ts";
import { Courier, type Destination } from "./courier.ts";
import { Effects, type Effect } from "./effect.ts";
import type { Exchange } from "./exchange.ts";
import { ADDRESS_LENGTH_MAX, COUNTER_MAX, ID_LENGTH_MAX, isWireText, META_BYTES_MAX } from "./limits.ts";
import { LocalHealth } from "./local-health.ts";
import { isLive, type Member } from "./member.ts";
import { Membership } from "./membership.ts";
import type { Packet, Rumor } from "./packet.ts";
import { ProbeNumbers } from "./probe-numbers.ts";
import { ProbeOrder } from "./probe-order.ts";
import { Prober } from "./prober.ts";
import { Publications, type Announcement } from "./publications.ts";
import { Relays } from "./relays.ts";
import { Roster } from "./roster.ts";
import { Self, type SelfOptions } from "./self.ts";
import { StallGuard } from "./stall-guard.ts";
import { StateExchange } from "./state-exchange.ts";

/** What the driver hands in. */
export type Input =
  /** A datagram whose seal was good; `from` is where it came from, and where its answer goes. */
  | { readonly kind: "datagram"; readonly from: string; readonly packet: Packet }
  /** The peer answered the `reliableProbe` with that number. */
  | { readonly kind: "reliableAck"; readonly number: number; readonly nodeId: NodeId }
  /** A part of a state exchange came by the reliable channel. */
  | { readonly kind: "pushPull"; readonly exchange: Exchange };

export interface SwimOptions {
  self: SelfOptions;
  random: Random;
  config?: Partial<SwimConfig>;
  /** All times given to a Swim are of one monotonic clock. */
  now: Millis;
}

/** Figures for metrics and for `doctor`. */
export interface SwimHealth {
  /** Lifeguard's score: 0 is well, `healthMax` is worst. */
  readonly score: number;
  /** Times that this node noticed that it was not running. */
  readonly stalls: number;
  /** Live members, this node included. */
  readonly live: number;
  /** Members remembered, this node and the gone included. */
  readonly members: number;
  readonly rumorsWaiting: number;
  readonly rumorsDropped: number;
  readonly relays: number;
  readonly publications: number;
}

type Phase = { state: "member" } | { state: "leaving"; until: Millis } | { state: "left" };

const HOUSEKEEPING_INTERVAL_MS = 1_000;

/**
 * Membership by SWIM (Das, Gupta, Motivala 2002) with Lifeguard (Dadgar, Phillips, Currey 2018), as a pure core. The
 * driver calls `handle` for what arrives and `tick` at `nextDeadline()`, and carries out `effects()` after each call. It
 * makes a Swim when it is ready to do so: lateness counts from then on.
 */
export class Swim {
  readonly #config: SwimConfig;
  readonly #self: Self;
  readonly #effects = new Effects();
  readonly #health: LocalHealth;
  readonly #roster: Roster;
  readonly #queue: BroadcastQueue;
  readonly #membership: Membership;
  readonly #courier: Courier;
  readonly #prober: Prober;
  readonly #relays: Relays;
  readonly #publications: Publications;
  readonly #exchange: StateExchange;
  readonly #antiEntropy: AntiEntropy;
  readonly #stallGuard: StallGuard;
  #phase: Phase = { state: "member" };
  /** What `members` showed last. */
  #shown: { readonly others: readonly Member[]; readonly list: readonly Member[] } | undefined;
  #now: Millis;
  #gossipAt: Millis;
  #housekeepingAt: Millis;
  /** The deadline that the driver was last told; what was overdue in a stall that was noticed counts from its end. */
  #announced: Millis;
  #stalledUntil = -Infinity;

  /** Throws `invalid_argument` for settings or an identity that cannot work. */
  constructor({ self, random, config: changes, now }: SwimOptions) {
    const config = swimConfig(changes);
    checkSelf(self);
    const effects = this.#effects;
    const health = new LocalHealth(config);
    const roster = new Roster(config.membersMax - 1, random);
    const queue = new BroadcastQueue(config.queueMax);
    const order = new ProbeOrder(random);
    const numbers = new ProbeNumbers(random);
    const own = new Self(self, { health, effects, now });
    const membership = new Membership({ config, self: own, roster, order, queue, effects });
    const courier = new Courier({ config, self: own.id, membership, queue, effects });
    const publications = new Publications({ config, self: own.id, queue, effects });
    const startAt = now + random.next() * config.probeIntervalMs;
    const exchange = new StateExchange({ config, self: own, roster, membership, publications, courier, effects });
    this.#prober = new Prober({ config, numbers, order, roster, membership, courier, health, effects, startAt });
    this.#relays = new Relays(config.relaysMax, { numbers, courier });
    this.#antiEntropy = new AntiEntropy({ config, self: own, roster, membership, exchange, random }, now);
    this.#stallGuard = new StallGuard(config);
    this.#config = config;
    this.#self = own;
    this.#health = health;
    this.#roster = roster;
    this.#queue = queue;
    this.#membership = membership;
    this.#courier = courier;
    this.#publications = publications;
    this.#exchange = exchange;
    this.#now = now;
    this.#gossipAt = now;
    this.#housekeepingAt = now + HOUSEKEEPING_INTERVAL_MS;
    this.#announced = this.nextDeadline();
  }

  /** Takes in what has arrived. Never throws for what a peer has sent. */
  handle(input: Input, now: Millis): void {
    this.#step(now, () => {
      if (this.#phase.state === "left") return;
      switch (input.kind) {
        case "datagram":
          return this.#receive(input.from, input.packet, now);
        case "reliableAck":
          return this.#prober.reach(input.number, input.nodeId);
        case "pushPull":
          if (this.#exchange.hear(input.exchange, now)) this.#antiEntropy.hurry(now);
          return;
        default:
          unreachable(input);
      }
    });
  }

  /** Does what is due. Calling it early, late or for nothing is harmless; lateness is noticed (see `StallGuard`). */
  tick(now: Millis): void {
    this.#step(now, () => {
      if (this.#phase.state === "left") return;
      if (this.#phase.state === "member") {
        this.#prober.tick(now);
        this.#antiEntropy.tick(now);
      }
      this.#relays.tick(now);
      this.#membership.tick(now);
      if (now >= this.#gossipDeadline) this.#gossip(now);
      if (now >= this.#housekeepingAt) this.#keepHouse(now);
      if (this.#phase.state === "leaving") this.#finishLeaving(this.#phase.until, now);
    });
  }

  /** When `tick` is to be called; Infinity when there is nothing more to do. Changes with every other call. */
  nextDeadline(): Millis {
    const shared = Math.min(
      this.#relays.deadline,
      this.#membership.deadline,
      this.#gossipDeadline,
      this.#housekeepingAt,
    );
    switch (this.#phase.state) {
      case "member":
        return Math.min(shared, this.#prober.deadline, this.#antiEntropy.deadline);
      case "leaving":
        return Math.min(shared, this.#phase.until);
      case "left":
        return Infinity;
      default:
        return unreachable(this.#phase);
    }
  }

  /** Takes out what the driver has to do, in order. To be called after every other call. */
  effects(): Effect[] {
    return this.#effects.drain();
  }

  /** Exchanges states with members at these addresses; own and repeated ones are left out. At most 64 are kept. */
  join(addresses: readonly string[], now: Millis): void {
    this.#requireMember();
    for (const address of addresses) checkAddress(address);
    this.#step(now, () => this.#antiEntropy.join(addresses, now));
  }

  /** All members that are remembered, this node first. The same list until something changes. */
  members(): readonly Member[] {
    const [own, others] = [this.#self.view, this.#roster.views()];
    const shown = this.#shown;
    if (shown?.others === others && shown.list[0] === own) return shown.list;
    const list = [own, ...others];
    this.#shown = { others, list };
    return list;
  }

  member(id: NodeId): Member | undefined {
    return id === this.#self.id ? this.#self.view : this.#roster.view(id);
  }

  /** Tells all members something; not this node itself. Throws `invalid_argument` when it is too long. */
  publish(announcement: Announcement, now: Millis): void {
    this.#requireMember();
    this.#step(now, () => this.#publications.publish(announcement, now));
  }

  /** Changes what this node says about itself. Throws `invalid_argument` when it is longer than 512 bytes. */
  setMeta(meta: Uint8Array, now: Millis): void {
    this.#requireMember();
    checkMeta(meta);
    this.#describe({ meta }, now);
  }

  /** This node has another address now. */
  setAddress(address: string, now: Millis): void {
    this.#requireMember();
    checkAddress(address);
    this.#describe({ address }, now);
  }

  /** Says farewell; `leaveFinished` follows. For good: to come back, a new Swim is needed. */
  leave(now: Millis): void {
    if (this.#phase.state !== "member") return;
    this.#step(now, () => {
      this.#self.leave();
      this.#phase = { state: "leaving", until: now + this.#config.leaveTimeoutMs };
      this.#queue.add(this.#self.claim, now);
      this.#gossipAt = now;
      if (this.#roster.live === 0) this.#finishLeaving(now, now);
    });
  }

  health(): SwimHealth {
    return {
      score: this.#health.score,
      stalls: this.#stallGuard.stalls,
      live: this.#membership.live,
      members: this.#roster.size + 1,
      rumorsWaiting: this.#queue.size,
      rumorsDropped: this.#queue.dropped,
      relays: this.#relays.size,
      publications: this.#publications.size,
    };
  }

  /** Every call from outside goes through here: it notices stalls and keeps the announced deadline. */
  #step(now: Millis, work: () => void): void {
    assert(now >= this.#now, "time does not go back");
    this.#now = now;
    const stall = this.#stallGuard.check(this.#announced, now);
    if (stall !== undefined) {
      this.#stalledUntil = now;
      this.#health.change(stall.healthCost);
      this.#prober.excuse(stall.lostMs, now);
      this.#relays.excuse();
      this.#membership.postponeSuspicions(stall.lostMs, now + this.#config.probeTimeoutMs);
    }
    const gossiping = this.#gossipDeadline < Infinity;
    work();
    // The first news after a silence are due now, not when the silence began.
    if (!gossiping) this.#gossipAt = Math.max(this.#gossipAt, now);
    this.#announced = Math.max(this.nextDeadline(), this.#stalledUntil);
  }

  #receive(address: string, packet: Packet, now: Millis): void {
    if (packet.from === this.#self.id) return;
    const sender = { id: packet.from, address };
    for (const rumor of packet.rumors) this.#hear(rumor, sender, now);
    const message = packet.message;
    switch (message.kind) {
      case "ping":
        // An address that was another node's is no sign of that node's life.
        if (message.target !== this.#self.id) return;
        return this.#courier.send(sender, { kind: "ack", number: message.number }, now);
      case "pingReq":
        return this.#relays.start(sender, message, now);
      case "ack":
        this.#prober.acknowledge(message.number, packet.from);
        return this.#relays.acknowledge(message.number, packet.from, now);
      case "nack":
        return this.#prober.refuse(message.number, packet.from);
      case "gossip":
        return;
      default:
        unreachable(message);
    }
  }

  #hear(rumor: Rumor, sender: Destination, now: Millis): void {
    if (rumor.kind !== "publication") {
      this.#membership.hear(rumor, { now });
      return;
    }
    const correction = this.#publications.hear(rumor, sender.id, now);
    if (correction !== undefined) this.#courier.send(sender, { kind: "gossip" }, now, [correction]);
  }

  get #gossipDeadline(): Millis {
    return this.#queue.size > 0 && this.#roster.live > 0 ? this.#gossipAt : Infinity;
  }

  #gossip(now: Millis): void {
    this.#gossipAt = now + this.#config.gossipIntervalMs;
    const listens = ({ state, since }: Member): boolean =>
      isLive(state) || (state === "dead" && now - since < this.#config.gossipToDeadMs);
    for (const target of this.#roster.sample(this.#config.gossipFanout, listens)) this.#courier.gossip(target, now);
  }

  #keepHouse(now: Millis): void {
    this.#housekeepingAt = now + HOUSEKEEPING_INTERVAL_MS;
    this.#membership.reclaim(now);
    this.#publications.expire(now);
  }

  #describe(change: { address?: string; meta?: Uint8Array }, now: Millis): void {
    this.#step(now, () => {
      this.#self.describe(change);
      this.#queue.add(this.#self.claim, now);
    });
  }

  #finishLeaving(until: Millis, now: Millis): void {
    const spread = !this.#queue.has(this.#self.claim) || this.#roster.live === 0;
    if (!spread && now < until) return;
    this.#phase = { state: "left" };
    this.#effects.push({ kind: "leaveFinished", spread });
  }

  #requireMember(): void {
    if (this.#phase.state === "member") return;
    throw new ClusterError("failed_precondition", "this node has left the cluster; join it again to go on");
  }
}

function checkSelf(self: SelfOptions): void {
  if (!isWireText(self.id, ID_LENGTH_MAX)) {
    throw new ClusterError("invalid_argument", `a node id must be 1 to ${ID_LENGTH_MAX} visible ASCII characters`);
  }
  if (!Number.isInteger(self.incarnation) || self.incarnation < 0 || self.incarnation > COUNTER_MAX) {
    throw new ClusterError("invalid_argument", "an incarnation must be a whole number of at most 48 bits");
  }
  checkAddress(self.address);
  checkMeta(self.meta);
}

function checkAddress(address: string): void {
  if (isWireText(address, ADDRESS_LENGTH_MAX)) return;
  const rule = `1 to ${ADDRESS_LENGTH_MAX} visible ASCII characters`;
  throw new ClusterError("invalid_argument", `a gossip address must be ${rule}, such as 10.0.0.1:7373`);
}

function checkMeta(meta: Uint8Array): void {
  if (meta.length <= META_BYTES_MAX) return;
  throw new ClusterError("invalid_argument", `a member's metadata must be at most ${META_BYTES_MAX} bytes`);
}
