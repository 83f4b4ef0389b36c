import { assert, type ClusterError } from "@murmur/base";
import { Chunks, violation } from "./assembler.ts";
import { encodeCount, type Frame } from "./frame.ts";
import { DATA_FRAME_COST } from "./stream-sender.ts";
import type { Wire } from "./wire.ts";

interface Reader {
  readonly resolve: (bytes: Uint8Array | undefined) => void;
  readonly reject: (error: Error) => void;
}

interface Waiting {
  readonly bytes: Uint8Array;
  /** What the other side gets back when the message is taken. */
  readonly cost: number;
}

/**
 * The reading half of a stream. What it holds is bounded by the window, plus one unfinished message: bytes of a message
 * that the reader already waits for are given back on arrival, so that a message may be larger than the window.
 */
export class StreamReceiver {
  readonly #id: number;
  readonly #wire: Wire;
  #messages: Waiting[] = [];
  readonly #partial = new Chunks();
  /** What the unfinished message has cost and wasn't given back. */
  #partialCost = 0;
  /** Invariant: what the other side may still send; never negative. */
  #allowanceBytes: number;
  /** What was given back and not yet told. */
  #untoldBytes = 0;
  #end: "open" | "ended" | "stopped" | { failed: ClusterError } = "open";
  #reader: Reader | undefined;

  constructor(id: number, wire: Wire) {
    this.#id = id;
    this.#wire = wire;
    this.#allowanceBytes = wire.limits.streamWindowBytes;
  }

  /** Nothing more will be taken in. */
  get ended(): boolean {
    return this.#end !== "open";
  }

  /** This side has said that it reads no more. */
  get stopped(): boolean {
    return this.#end === "stopped";
  }

  /** A part of a message has come. Throws a violation. */
  data(frame: Frame): void {
    if (this.#end !== "open") return;
    const cost = frame.payload.length + DATA_FRAME_COST;
    if (cost > this.#allowanceBytes) throw violation("sent more on a stream than it was allowed");
    if (this.#partial.bytes + frame.payload.length > this.#wire.limits.messageBytesMax) {
      throw violation("sent a stream message beyond the limit");
    }
    this.#allowanceBytes -= cost;
    if (!frame.more && this.#partial.bytes === 0 && this.#reader !== undefined) {
      // The reader decodes it at once: nothing has to be kept.
      this.#wakeReader((reader) => reader.resolve(frame.payload));
      return this.#giveBack(cost);
    }
    this.#partial.add(frame.payload, frame.more);
    this.#partialCost += cost;
    if (frame.more) {
      if (this.#messages.length === 0) this.#giveBackPartial();
      return;
    }
    const message = { bytes: this.#partial.take(), cost: this.#partialCost };
    this.#partialCost = 0;
    if (this.#reader === undefined) return void this.#messages.push(message);
    this.#wakeReader((reader) => reader.resolve(message.bytes));
    this.#giveBack(message.cost);
  }

  /** The next message; undefined after the last. Rejects when the stream failed. One reader at a time. */
  next(): Promise<Uint8Array | undefined> {
    assert(this.#reader === undefined, "a stream has one reader at a time");
    const message = this.#messages.shift();
    if (message !== undefined) {
      this.#giveBack(message.cost);
      if (this.#messages.length === 0) this.#giveBackPartial();
      return Promise.resolve(message.bytes);
    }
    if (typeof this.#end === "object") return Promise.reject(this.#end.failed);
    if (this.#end !== "open") return Promise.resolve(undefined);
    return new Promise((resolve, reject) => (this.#reader = { resolve, reject }));
  }

  /** The other side writes no more: what came is still read. */
  end(): void {
    if (this.#end !== "open") return;
    this.#end = "ended";
    this.#wakeReader((reader) => reader.resolve(undefined));
  }

  /** The stream failed in order: what came before is still read, then the error. */
  fail(error: ClusterError): void {
    if (this.#end !== "open") return;
    this.#end = { failed: error };
    this.#wakeReader((reader) => reader.reject(error));
  }

  /** The stream broke off: what came before is worth nothing. */
  breakOff(error: ClusterError): void {
    if (this.#end === "stopped") return;
    this.#messages = [];
    this.#end = { failed: error };
    this.#wakeReader((reader) => reader.reject(error));
  }

  /** This side reads no more. */
  stop(): void {
    this.#end = "stopped";
    this.#messages = [];
    this.#wakeReader((reader) => reader.resolve(undefined));
  }

  #wakeReader(tell: (reader: Reader) => void): void {
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) tell(reader);
  }

  #giveBackPartial(): void {
    const cost = this.#partialCost;
    this.#partialCost = 0;
    if (cost > 0) this.#giveBack(cost);
  }

  /** Tells the other side in portions of a quarter of the window: often enough that it need never stop for it. */
  #giveBack(cost: number): void {
    this.#untoldBytes += cost;
    if (this.#end !== "open" || this.#untoldBytes < this.#wire.limits.streamWindowBytes / 4) return;
    this.#allowanceBytes += this.#untoldBytes;
    this.#wire.control("credit", this.#id, encodeCount(this.#untoldBytes));
    this.#untoldBytes = 0;
  }
}
