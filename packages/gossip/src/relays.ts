import type { Millis, NodeId } from "@murmur/base";
import type { Courier, Destination } from "./courier.ts";
import type { Message } from "./packet.ts";
import type { ProbeNumbers } from "./probe-numbers.ts";

interface Relay {
  readonly asker: Destination;
  /** The asker's number for its probe. */
  readonly number: number;
  readonly target: NodeId;
  /** When to tell the asker that the target does not answer; Infinity once told, or when it does not want to know. */
  nackAt: Millis;
  readonly expiresAt: Millis;
}

/** The share of the asker's patience after which it gets a nack, so that the nack is in time (Lifeguard: 80 %). */
const NACK_SHARE = 0.8;
/** Nobody waits longer than this, whatever a packet says. */
const PATIENCE_MAX_MS = 60_000;

/** Indirect probes that this node makes for others. */
export class Relays {
  readonly #limit: number;
  readonly #numbers: ProbeNumbers;
  readonly #courier: Courier;
  readonly #relays = new Map<number, Relay>();

  /** `limit`: the most probes under way; an asker beyond it gets its nack at once. */
  constructor(limit: number, deps: { numbers: ProbeNumbers; courier: Courier }) {
    this.#limit = limit;
    this.#numbers = deps.numbers;
    this.#courier = deps.courier;
  }

  get size(): number {
    return this.#relays.size;
  }

  get deadline(): Millis {
    let earliest = Infinity;
    for (const relay of this.#relays.values()) earliest = Math.min(earliest, relay.nackAt, relay.expiresAt);
    return earliest;
  }

  /** Pings the target for the asker. */
  start(asker: Destination, request: Extract<Message, { kind: "pingReq" }>, now: Millis): void {
    if (this.#relays.size >= this.#limit) return this.#nack(asker, request.number, now);
    const patienceMs = Math.min(request.timeoutMs, PATIENCE_MAX_MS);
    const number = this.#numbers.next();
    this.#relays.set(number, {
      asker,
      number: request.number,
      target: request.target,
      nackAt: request.wantsNack ? now + patienceMs * NACK_SHARE : Infinity,
      expiresAt: now + patienceMs,
    });
    const target = { id: request.target, address: request.address };
    this.#courier.send(target, { kind: "ping", number, target: request.target }, now);
  }

  /** Passes the target's ack on. */
  acknowledge(number: number, from: NodeId, now: Millis): void {
    const relay = this.#relays.get(number);
    if (relay === undefined || relay.target !== from) return;
    this.#relays.delete(number);
    this.#courier.send(relay.asker, { kind: "ack", number: relay.number }, now);
  }

  tick(now: Millis): void {
    for (const [number, relay] of this.#relays) {
      if (relay.nackAt <= now) {
        relay.nackAt = Infinity;
        this.#nack(relay.asker, relay.number, now);
      }
      if (relay.expiresAt <= now) this.#relays.delete(number);
    }
  }

  /** This node was stalled: an ack may wait unread, so it no longer says that there was none. A late ack still goes on. */
  excuse(): void {
    for (const relay of this.#relays.values()) relay.nackAt = Infinity;
  }

  #nack(asker: Destination, number: number, now: Millis): void {
    this.#courier.send(asker, { kind: "nack", number }, now);
  }
}
