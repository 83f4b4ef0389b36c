import { assert, type Millis, type NodeId } from "@murmur/base";
import type { MemberChange } from "./change.ts";
import type { Exchange } from "./exchange.ts";
import type { Member } from "./member.ts";
import type { Packet } from "./packet.ts";

/** What the driver has to do, or may want to know, in this order. */
export type Effect =
  /** Seal the packet and send it as one datagram; it may get lost. `nodeId` is whom it is meant for, if known. */
  | { readonly kind: "send"; readonly to: string; readonly nodeId: NodeId | undefined; readonly packet: Packet }
  /**
   * Ask the peer over the reliable channel whether it lives; when it does within `timeoutMs`, hand in a `reliableAck`
   * with this number. The peer's driver answers by itself. A failure need not be reported.
   */
  | {
      readonly kind: "reliableProbe";
      readonly to: string;
      readonly nodeId: NodeId;
      readonly number: number;
      readonly timeoutMs: Millis;
    }
  /**
   * Deliver a part of a state exchange over the reliable channel; it may get lost. `nodeId` is whom it is meant for, if
   * known: `to` may be where that member was before, and a connection that it has made is as good a way to it.
   */
  | {
      readonly kind: "pushPull";
      readonly to: string;
      readonly nodeId: NodeId | undefined;
      readonly exchange: Exchange;
    }
  | { readonly kind: "member"; readonly change: MemberChange; readonly member: Member }
  | { readonly kind: "broadcast"; readonly origin: NodeId; readonly key: string; readonly payload: Uint8Array }
  /** The farewell has been sent as often as any news (`spread`), or the time for it is over. Nothing follows. */
  | { readonly kind: "leaveFinished"; readonly spread: boolean }
  /** Something an operator should know; of each kind at most one a minute. */
  | { readonly kind: "warning"; readonly text: string };

/** More than any one call can produce: a driver that drains after each call never gets near it. */
const EFFECTS_MAX = 262_144;
const WARNING_INTERVAL_MS = 60_000;
const WARNING_TOPICS_MAX = 256;

/** Collects effects until the driver drains them. */
export class Effects {
  #effects: Effect[] = [];
  /** When each topic was last warned of, oldest first. */
  readonly #warned = new Map<string, Millis>();

  push(effect: Effect): void {
    assert(this.#effects.length < EFFECTS_MAX, "the driver drains the effects after each call");
    this.#effects.push(effect);
  }

  /** Warns, unless the same topic was warned of within the last minute. */
  warn(topic: string, text: string, now: Millis): void {
    const last = this.#warned.get(topic);
    if (last !== undefined && now - last < WARNING_INTERVAL_MS) return;
    this.#warned.delete(topic);
    this.#warned.set(topic, now);
    const [oldest] = this.#warned.keys();
    if (this.#warned.size > WARNING_TOPICS_MAX && oldest !== undefined) this.#warned.delete(oldest);
    this.push({ kind: "warning", text });
  }

  drain(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
