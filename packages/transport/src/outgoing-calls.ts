import { messageOf, type ClusterError, type Millis, type Timer } from "@murmur/base";
import { transportError } from "./call-fate.ts";
import { decodeError, decodeMessage, encodeNamed } from "./codec.ts";
import { OutgoingItem } from "./outgoing-item.ts";
import type { Wire } from "./wire.ts";

export interface CallOptions {
  /** Aborting it tells the peer, and rejects with `cancelled`. */
  readonly signal?: AbortSignal;
  /** From the call to its result, dialling included; then it rejects with `timeout`. Default: the limits'. */
  readonly timeoutMs?: Millis;
}

interface Pending {
  readonly item: OutgoingItem;
  readonly settle: (outcome: { value: unknown } | { error: unknown }) => void;
}

/** The calls that this side made over one connection and that have no result yet. */
export class OutgoingCalls {
  readonly #wire: Wire;
  readonly #pending = new Map<number, Pending>();
  #bytes = 0;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  get size(): number {
    return this.#pending.size;
  }

  has(id: number): boolean {
    return this.#pending.has(id);
  }

  /** Sends a request; settles with the result, the peer's error, `timeout`, `cancelled`, `overloaded` or `unavailable`. */
  start(id: number, method: string, options: { body: unknown; timeoutMs: Millis; signal?: AbortSignal | undefined }) {
    const { limits, peer, clock } = this.#wire;
    const { signal, timeoutMs } = options;
    const payload = encodeNamed(method, options.body, limits.messageBytesMax);
    if (this.#pending.size >= limits.callsMax || this.#bytes + payload.length > limits.callBytesMax) {
      throw transportError("overloaded", `too many calls to node ${peer} are in flight: try again later`, false);
    }
    const item = new OutgoingItem("request", id, payload);
    return new Promise<unknown>((resolve, reject) => {
      const onAbort = (): void => {
        this.#giveUp(
          id,
          transportError("cancelled", `${method} was cancelled: ${messageOf(signal?.reason)}`, item.sent),
        );
      };
      const timer: Timer = clock.setTimer(timeoutMs, () => {
        const message = `node ${peer} did not answer ${method} within ${Math.round(timeoutMs)} ms`;
        this.#giveUp(id, transportError("timeout", message, item.sent));
      });
      signal?.addEventListener("abort", onAbort, { once: true });
      const settle: Pending["settle"] = (outcome) => {
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        this.#pending.delete(id);
        this.#bytes -= item.bytes;
        if ("error" in outcome) reject(outcome.error);
        else resolve(outcome.value);
      };
      this.#bytes += item.bytes;
      this.#pending.set(id, { item, settle });
      this.#wire.item(item);
    });
  }

  /** The result of a call; ignored when its caller has given up. Throws when the bytes are no message. */
  responded(id: number, payload: Uint8Array): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.settle({ value: decodeMessage(payload) });
    this.#wire.ended();
  }

  failed(id: number, payload: Uint8Array): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.settle({ error: decodeError(payload) });
    this.#wire.ended();
  }

  /** The connection has ended, and all calls with it. */
  lost(message: string): void {
    for (const { item, settle } of this.#pending.values()) {
      settle({ error: transportError("unavailable", message, item.sent) });
    }
  }

  #giveUp(id: number, error: ClusterError): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.item.withdraw();
    pending.settle({ error });
    if (pending.item.sent) this.#wire.control("cancel", id);
    this.#wire.ended();
  }
}
