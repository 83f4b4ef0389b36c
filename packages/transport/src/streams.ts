import { ClusterError, messageOf } from "@murmur/base";
import { transportError } from "./call-fate.ts";
import { decodeNamed, encodeError, encodeNamed } from "./codec.ts";
import type { Frame } from "./frame.ts";
import type { Handlers, StreamHandler } from "./handlers.ts";
import { OutgoingItem } from "./outgoing-item.ts";
import { StreamEnd, type PeerStream, type StreamFrameKind } from "./peer-stream.ts";
import type { Wire } from "./wire.ts";

interface Open {
  readonly end: StreamEnd;
  /** Whether this side opened it. */
  readonly own: boolean;
}

/** The streams of one connection, both those that this side opened and those that the other did. */
export class Streams {
  readonly #wire: Wire;
  readonly #handlers: Handlers<StreamHandler>;
  readonly #open = new Map<number, Open>();
  /** Handlers that haven't returned. */
  #running = 0;

  constructor(wire: Wire, handlers: Handlers<StreamHandler>) {
    this.#wire = wire;
    this.#handlers = handlers;
  }

  get size(): number {
    return this.#open.size;
  }

  has(id: number): boolean {
    return this.#open.has(id);
  }

  /** Opens a stream; `overloaded` when too many are open. Aborting the signal aborts the stream. */
  start(id: number, method: string, options: { body: unknown; signal?: AbortSignal | undefined }): PeerStream {
    const { limits, peer } = this.#wire;
    if (this.#count(true) >= limits.streamsMax) {
      throw transportError("overloaded", `too many streams to node ${peer} are open: try again later`, false);
    }
    const opening = new OutgoingItem("open", id, encodeNamed(method, options.body, limits.frameBytesMax / 2));
    const { signal } = options;
    const onAbort = (): void => end.abort(new ClusterError("cancelled", `cancelled: ${messageOf(signal?.reason)}`));
    const onEnded = (): void => {
      signal?.removeEventListener("abort", onAbort);
      this.#forget(id);
    };
    const end = new StreamEnd(id, this.#wire, { opening, onEnded });
    this.#open.set(id, { end, own: true });
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#wire.item(opening);
    return end;
  }

  /** The other side opens a stream. Throws when the bytes are no request. */
  request(id: number, payload: Uint8Array): void {
    const { name, body } = decodeNamed(payload);
    if (Math.max(this.#count(false), this.#running) >= this.#wire.limits.streamsMax) {
      return this.#refuse(id, new ClusterError("overloaded", "too many streams are open: try again later"));
    }
    const handler = this.#handlers.get(name);
    if (handler === undefined) {
      return this.#refuse(id, new ClusterError("unsupported", `this node does not serve "${name}"`));
    }
    const end = new StreamEnd(id, this.#wire, { onEnded: () => this.#forget(id) });
    this.#open.set(id, { end, own: false });
    this.#running += 1;
    // Not awaited: finishing the stream settles it, whichever way it ends.
    void this.#serve(end, () => handler(this.#wire.peer, body, end));
  }

  /** A frame of a stream; ignored when the stream has ended. Throws a violation. */
  take(frame: Frame, kind: StreamFrameKind): void {
    this.#open.get(frame.id)?.end.take(frame, kind);
  }

  /** The other side's half has failed; ignored when the stream has ended. Throws when the bytes are no error. */
  failed(frame: Frame): void {
    this.#open.get(frame.id)?.end.failed(frame);
  }

  /** The connection has ended, and all streams with it. */
  lost(message: string): void {
    for (const { end } of this.#open.values()) end.lost(message);
  }

  /** Never rejects. */
  async #serve(end: StreamEnd, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      end.finish();
    } catch (error) {
      if (!(error instanceof ClusterError)) this.#wire.log.error("a stream failed", { error: messageOf(error) });
      end.finish(error);
    } finally {
      this.#running -= 1;
    }
  }

  #forget(id: number): void {
    this.#open.delete(id);
    this.#wire.ended();
  }

  #count(own: boolean): number {
    let count = 0;
    for (const stream of this.#open.values()) if (stream.own === own) count += 1;
    return count;
  }

  #refuse(id: number, error: ClusterError): void {
    this.#wire.control("failure", id, encodeError(error));
  }
}
