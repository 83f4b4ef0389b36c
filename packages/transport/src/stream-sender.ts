import { ClusterError } from "@murmur/base";
import { CHUNK_BYTES_MIN } from "./assembler.ts";
import { encodeFrame, FRAME_HEADER_BYTES } from "./frame.ts";
import type { BulkSource } from "./outgoing-item.ts";
import type { Wire } from "./wire.ts";

/** What each data frame costs of a stream's window in addition to its payload, so that tiny messages are bounded too. */
export const DATA_FRAME_COST = 64;
/** Writes that may wait at once; one more is the caller's mistake of not awaiting, and refused. */
const WAITING_WRITES_MAX = 16;

/** The writing half of a stream. Sends no more than the other side's reader has made room for. */
export class StreamSender implements BulkSource {
  readonly #id: number;
  readonly #wire: Wire;
  /** Encoded messages not yet sent whole; #offset is what was sent of the first. */
  #queue: Uint8Array[] = [];
  #offset = 0;
  #queuedBytes = 0;
  #creditBytes: number;
  #waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #state: "open" | "ending" | "ended" = "open";
  /** What ends the stream: `end`, or `failure` with an encoded error. */
  #last: Uint8Array = encodeFrame({ kind: "end" });
  #error: ClusterError | undefined;
  /** False while the request that opens the stream hasn't been sent: nothing may overtake it. */
  #released: boolean;
  readonly #onEnded: () => void;

  constructor(id: number, wire: Wire, options: { released: boolean; onEnded: () => void }) {
    this.#id = id;
    this.#wire = wire;
    this.#creditBytes = wire.streamCreditBytes;
    this.#released = options.released;
    this.#onEnded = options.onEnded;
  }

  /** Nothing more will be sent. */
  get ended(): boolean {
    return this.#state === "ended";
  }

  /** Nothing more will be written; what was may still be on its way. */
  get closing(): boolean {
    return this.#state !== "open";
  }

  /** The request that opens the stream is sent. */
  release(): void {
    this.#released = true;
    if (this.ready) this.#wire.bulk(this);
  }

  /** Takes an encoded message in; resolves when there is room for the next. */
  write(payload: Uint8Array): Promise<void> {
    if (this.#state !== "open") {
      return Promise.reject(this.#error ?? new ClusterError("failed_precondition", "the stream was ended before"));
    }
    if (this.#waiting.length >= WAITING_WRITES_MAX) {
      return Promise.reject(new ClusterError("overloaded", "too many writes wait on one stream: await each write"));
    }
    this.#queue.push(payload);
    this.#queuedBytes += payload.length;
    if (this.ready) this.#wire.bulk(this);
    if (this.#queuedBytes <= this.#wire.limits.streamBufferBytes) return Promise.resolve();
    if (this.#error !== undefined) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Ends after what was written; with an encoded error when the stream failed. */
  end(failure?: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#last =
      failure === undefined
        ? encodeFrame({ kind: "end", id: this.#id, bulk: true })
        : encodeFrame({ kind: "failure", id: this.#id, bulk: true, payload: failure });
    if (this.ready) this.#wire.bulk(this);
  }

  /** Sends nothing more, not even what was written. */
  discard(error: ClusterError): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#error = error;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#onEnded();
  }

  /** The other side's reader has made room. */
  credit(bytes: number): void {
    this.#creditBytes += bytes;
    if (this.ready) this.#wire.bulk(this);
  }

  get ready(): boolean {
    if (this.#state === "ended" || !this.#released) return false;
    const left = this.#left();
    if (left === 0) return this.#state === "ending";
    return this.#creditBytes >= Math.min(left, CHUNK_BYTES_MIN) + DATA_FRAME_COST;
  }

  nextFrame(frameBytesMax: number): Uint8Array | undefined {
    if (!this.ready) return undefined;
    const message = this.#queue[0];
    if (message === undefined) {
      this.#state = "ended";
      this.#onEnded();
      return this.#last;
    }
    const bytes = this.#chunkBytes(frameBytesMax);
    const payload = message.subarray(this.#offset, this.#offset + bytes);
    this.#offset += bytes;
    this.#creditBytes -= bytes + DATA_FRAME_COST;
    this.#queuedBytes -= bytes;
    const more = this.#offset < message.length;
    if (!more) {
      this.#queue.shift();
      this.#offset = 0;
    }
    if (this.#queuedBytes <= this.#wire.limits.streamBufferBytes) {
      for (const { resolve } of this.#waiting.splice(0)) resolve();
    }
    return encodeFrame({ kind: "data", id: this.#id, more, bulk: true, payload });
  }

  /** What is left of the first message. */
  #left(): number {
    return (this.#queue[0]?.length ?? 0) - this.#offset;
  }

  /** Invariant: a chunk that isn't its message's last has at least `CHUNK_BYTES_MIN` bytes. */
  #chunkBytes(frameBytesMax: number): number {
    return Math.min(this.#left(), frameBytesMax - FRAME_HEADER_BYTES, this.#creditBytes - DATA_FRAME_COST);
  }
}
