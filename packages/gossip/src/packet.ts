import type { Millis, NodeId } from "@murmur/base";
import type { Claim } from "./claim.ts";

/** A fact that an origin spreads to all members; a higher sequence replaces a lower one of the same origin and key. */
export interface Publication {
  readonly kind: "publication";
  readonly origin: NodeId;
  readonly key: string;
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** What remains of its life; every node takes off the time that it held it. */
  readonly ttlMs: Millis;
}

/** What travels on the back of any packet. */
export type Rumor = Claim | Publication;

/** What a packet is sent for. `number` pairs an answer with its question. */
export type Message =
  | { readonly kind: "ping"; readonly number: number; readonly target: NodeId }
  | {
      /** Asks the receiver to ping `target`, to pass its ack on, and to send a nack when none came in time. */
      readonly kind: "pingReq";
      readonly number: number;
      readonly target: NodeId;
      readonly address: string;
      /** How long the asker waits. */
      readonly timeoutMs: Millis;
      readonly wantsNack: boolean;
    }
  | { readonly kind: "ack"; readonly number: number }
  | { readonly kind: "nack"; readonly number: number }
  | { readonly kind: "gossip" };

/** One datagram, before encoding and sealing. */
export interface Packet {
  readonly from: NodeId;
  readonly message: Message;
  readonly rumors: readonly Rumor[];
}
