import type { Millis, NodeId } from "@murmur/base";
import type { BroadcastQueue } from "./broadcast-queue.ts";
import { retransmitLimit, type SwimConfig } from "./config.ts";
import type { Effects } from "./effect.ts";
import { DATAGRAM_BYTES_MAX } from "./limits.ts";
import type { Membership } from "./membership.ts";
import { headerBytes } from "./packet-codec.ts";
import type { Message, Rumor } from "./packet.ts";
import { rumorBytes } from "./rumor-codec.ts";

export interface Destination {
  readonly address: string;
  readonly id: NodeId;
}

export interface CourierDeps {
  config: SwimConfig;
  self: NodeId;
  membership: Membership;
  queue: BroadcastQueue;
  effects: Effects;
}

/** Makes packets: a message, what the receiver must hear about itself, and as many rumours as still fit. */
export class Courier {
  readonly #config: SwimConfig;
  readonly #self: NodeId;
  readonly #membership: Membership;
  readonly #queue: BroadcastQueue;
  readonly #effects: Effects;

  constructor(deps: CourierDeps) {
    this.#config = deps.config;
    this.#self = deps.self;
    this.#membership = deps.membership;
    this.#queue = deps.queue;
    this.#effects = deps.effects;
  }

  /** Sends a message, with rumours on its back. `first` are rumours that must be in it, and are known to fit. */
  send(to: Destination, message: Message, now: Millis, first: readonly Rumor[] = []): void {
    const rumors = this.#fill(to.id, message, now, first);
    this.#push(to, message, rumors);
  }

  /** Sends rumours only, when there are any. */
  gossip(to: Destination, now: Millis): void {
    const rumors = this.#fill(to.id, { kind: "gossip" }, now, []);
    if (rumors.length > 0) this.#push(to, { kind: "gossip" }, rumors);
  }

  #fill(to: NodeId, message: Message, now: Millis, first: readonly Rumor[]): readonly Rumor[] {
    const accusation = this.#membership.accusationAgainst(to);
    const needed = accusation === undefined ? first : [accusation, ...first];
    let room = DATAGRAM_BYTES_MAX - headerBytes({ from: this.#self, message, rumors: [] });
    for (const rumor of needed) room -= rumorBytes(rumor);
    const sentMax = retransmitLimit(this.#config, this.#membership.live);
    return [...needed, ...this.#queue.take({ bytesMax: room, sentMax, now })];
  }

  #push(to: Destination, message: Message, rumors: readonly Rumor[]): void {
    const packet = { from: this.#self, message, rumors };
    this.#effects.push({ kind: "send", to: to.address, nodeId: to.id, packet });
  }
}
