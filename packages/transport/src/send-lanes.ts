import { BoundedQueue } from "@murmur/base";
import { OutgoingItem, type BulkSource } from "./outgoing-item.ts";
import type { TransportLimits } from "./limits.ts";

/** Where channel messages wait for the connection; belongs to the peer and outlives its connections. */
export interface MessageSource {
  readonly size: number;
  /** The next encoded message. */
  shift(): Uint8Array | undefined;
}

/** After this many urgent frames in a row, one bulk frame may go: nothing urgent starves bulk for ever. */
const URGENT_IN_A_ROW_MAX = 32;

/**
 * Decides which frame goes next over one connection:
 * 1. control frames; 2. channel messages and small calls, in turn; 3. bulk: streams and large items, in turn.
 * Bulk waits behind urgent frames, but for one frame in 33. Messages keep their order even when they are large.
 */
export class SendLanes {
  readonly #limits: TransportLimits;
  #messages: MessageSource | undefined;
  readonly #control: BoundedQueue<Uint8Array>;
  readonly #calls: OutgoingItem[] = [];
  #callsHead = 0;
  /** Bulk sources with something to send, in the order of their next turn. */
  readonly #bulk = new Set<BulkSource>();
  readonly #bulkWindowBytes: number;
  /** Bulk bytes that were sent and of which the other side hasn't yet said that they arrived. */
  #bulkInFlight = 0;
  #message: OutgoingItem | undefined;
  #messageTurn = true;
  #urgentInARow = 0;

  constructor(messages: MessageSource, options: { limits: TransportLimits; bulkWindowBytes: number }) {
    this.#messages = messages;
    this.#limits = options.limits;
    this.#bulkWindowBytes = options.bulkWindowBytes;
    this.#control = new BoundedQueue({ limit: options.limits.controlFramesMax, onFull: "reject" });
  }

  /** False when the lane is full: the other side makes us answer and takes no answers. */
  control(frame: Uint8Array): boolean {
    return this.#control.push(frame);
  }

  /** Queues a request or result: small ones with the urgent frames, large ones with the bulk. */
  item(item: OutgoingItem): void {
    item.bulk = item.bytes > this.#limits.frameBytesMax / 2;
    if (item.bulk) this.#bulk.add(item);
    else this.#calls.push(item);
  }

  /** Tells that a source has something to send. */
  bulk(source: BulkSource): void {
    this.#bulk.add(source);
  }

  /** The other side says that so many bulk bytes arrived. */
  arrived(bytes: number): void {
    this.#bulkInFlight = Math.max(0, this.#bulkInFlight - bytes);
  }

  /** Leaves the messages that wait to another connection. */
  takeNoMessages(): void {
    this.#messages = undefined;
  }

  /** Whether an item is under way that must not be cut off. */
  get busy(): boolean {
    return this.#message !== undefined || this.#calls.length > this.#callsHead || this.#bulk.size > 0;
  }

  /** The frame to send now, given what the link holds unsent; undefined when none may go. */
  next(linkBytes: number): Uint8Array | undefined {
    if (linkBytes >= this.#limits.linkBytesMax) return undefined;
    const control = this.#control.shift();
    if (control !== undefined) return control;
    const bulkMay = this.#bulkInFlight < this.#bulkWindowBytes && linkBytes < this.#limits.linkBulkBytes;
    if (bulkMay && this.#urgentInARow >= URGENT_IN_A_ROW_MAX) {
      this.#urgentInARow = 0;
      const frame = this.#nextBulk();
      if (frame !== undefined) return frame;
    }
    const urgent = this.#nextUrgent();
    if (urgent !== undefined) {
      this.#urgentInARow += 1;
      return urgent;
    }
    this.#urgentInARow = 0;
    return bulkMay ? this.#nextBulk() : undefined;
  }

  #nextUrgent(): Uint8Array | undefined {
    this.#messageTurn = !this.#messageTurn;
    if (this.#messageTurn) return this.#nextMessage() ?? this.#nextCall();
    return this.#nextCall() ?? this.#nextMessage();
  }

  #nextMessage(): Uint8Array | undefined {
    if (this.#message === undefined) {
      const bytes = this.#messages?.shift();
      if (bytes === undefined) return undefined;
      this.#message = new OutgoingItem("message", 0, bytes);
    }
    const frame = this.#message.nextFrame(this.#limits.frameBytesMax);
    if (!this.#message.ready) this.#message = undefined;
    return frame;
  }

  #nextCall(): Uint8Array | undefined {
    while (this.#callsHead < this.#calls.length) {
      const frame = this.#calls[this.#callsHead]?.nextFrame(this.#limits.frameBytesMax);
      this.#callsHead += 1;
      if (this.#callsHead === this.#calls.length) this.#callsHead = this.#calls.length = 0;
      if (frame !== undefined) return frame;
    }
    return undefined;
  }

  #nextBulk(): Uint8Array | undefined {
    for (const source of this.#bulk) {
      const frame = source.nextFrame(this.#limits.frameBytesMax);
      this.#bulk.delete(source);
      if (source.ready) this.#bulk.add(source);
      if (frame === undefined) continue;
      this.#bulkInFlight += frame.length;
      return frame;
    }
    return undefined;
  }
}
