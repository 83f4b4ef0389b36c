import { ClusterError, messageOf } from "@murmur/base";
import { decodeNamed, encodeError, encodeMessage } from "./codec.ts";
import type { CallHandler, Handlers } from "./handlers.ts";
import { OutgoingItem } from "./outgoing-item.ts";
import type { Wire } from "./wire.ts";

/** The calls of the other side that are being answered, bounded by count and by the bytes of their requests. */
export class IncomingCalls {
  readonly #wire: Wire;
  readonly #handlers: Handlers<CallHandler>;
  readonly #running = new Map<number, { controller: AbortController; bytes: number }>();
  /** Results that the connection hasn't sent yet. */
  readonly #results = new Map<number, OutgoingItem>();
  #requestBytes = 0;

  constructor(wire: Wire, handlers: Handlers<CallHandler>) {
    this.#wire = wire;
    this.#handlers = handlers;
  }

  /** Calls without a result, and results that wait to be sent. */
  get size(): number {
    this.#forgetSentResults();
    return this.#running.size + this.#results.size;
  }

  has(id: number): boolean {
    return this.#running.has(id);
  }

  /** Starts to answer a request. Throws when the bytes are no request. */
  request(id: number, payload: Uint8Array): void {
    const { limits } = this.#wire;
    const { name, body } = decodeNamed(payload);
    if (this.size >= limits.callsMax || this.#requestBytes + payload.length > limits.callBytesMax) {
      return this.#refuse(id, new ClusterError("overloaded", "too many calls are being answered: try again later"));
    }
    const handler = this.#handlers.get(name);
    if (handler === undefined) {
      return this.#refuse(id, new ClusterError("unsupported", `this node does not answer "${name}"`));
    }
    const controller = new AbortController();
    this.#running.set(id, { controller, bytes: payload.length });
    this.#requestBytes += payload.length;
    // Not awaited: the answer settles it, whichever way it ends.
    void this.#answer(id, () => handler(this.#wire.peer, body, { signal: controller.signal }));
  }

  /** The caller wants the result no more. */
  cancel(id: number): void {
    this.#results.get(id)?.withdraw();
    this.#running.get(id)?.controller.abort(new ClusterError("cancelled", "the caller gave up"));
  }

  /** The connection has ended: nobody waits for the results. */
  lost(message: string): void {
    for (const { controller } of this.#running.values()) controller.abort(new ClusterError("cancelled", message));
    this.#results.clear();
  }

  /** Never rejects. */
  async #answer(id: number, work: () => Promise<unknown>): Promise<void> {
    try {
      const value = await work();
      this.#send(id, encodeMessage(value, this.#wire.limits.messageBytesMax));
    } catch (error) {
      if (!(error instanceof ClusterError)) this.#wire.log.error("a call failed", { error: messageOf(error) });
      this.#refuse(id, error);
    } finally {
      this.#requestBytes -= this.#running.get(id)?.bytes ?? 0;
      this.#running.delete(id);
      this.#wire.ended();
    }
  }

  #send(id: number, payload: Uint8Array): void {
    let waiting = payload.length;
    this.#forgetSentResults();
    for (const result of this.#results.values()) waiting += result.bytes;
    if (waiting > this.#wire.limits.callBytesMax) {
      return this.#refuse(id, new ClusterError("overloaded", "too many results wait to be sent: try again later"));
    }
    const item = new OutgoingItem("response", id, payload);
    this.#wire.item(item);
    if (item.ready) this.#results.set(id, item);
  }

  #refuse(id: number, error: unknown): void {
    this.#wire.control("failure", id, encodeError(error));
  }

  #forgetSentResults(): void {
    for (const [id, result] of this.#results) if (!result.ready) this.#results.delete(id);
  }
}
