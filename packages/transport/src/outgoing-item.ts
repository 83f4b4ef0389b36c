import { encodeFrame, FRAME_HEADER_BYTES, type FrameKind } from "./frame.ts";

/** Something that has frames for the bulk lane now and then. */
export interface BulkSource {
  /** Whether `nextFrame` would return one. */
  readonly ready: boolean;
  nextFrame(frameBytesMax: number): Uint8Array | undefined;
}

/** One encoded item (message, request, result) on its way out, in as many frames as it takes. */
export class OutgoingItem implements BulkSource {
  readonly kind: FrameKind;
  readonly id: number;
  readonly bytes: number;
  readonly #payload: Uint8Array;
  /** Whether it goes by the bulk lane; set by the lanes, before the first frame. */
  bulk = false;
  /** Called when its first frame goes out. */
  onSent: (() => void) | undefined;
  #offset = 0;
  #state: "queued" | "sent" | "withdrawn" = "queued";

  constructor(kind: FrameKind, id: number, payload: Uint8Array) {
    this.kind = kind;
    this.id = id;
    this.bytes = payload.length;
    this.#payload = payload;
  }

  /** Whether any of it may have reached the other side. */
  get sent(): boolean {
    return this.#offset > 0 || this.#state === "sent";
  }

  get ready(): boolean {
    return this.#state === "queued";
  }

  /** Sends no further frame of it. */
  withdraw(): void {
    if (this.#state === "queued") this.#state = "withdrawn";
  }

  nextFrame(frameBytesMax: number): Uint8Array | undefined {
    if (this.#state !== "queued") return undefined;
    const end = Math.min(this.bytes, this.#offset + frameBytesMax - FRAME_HEADER_BYTES);
    const payload = this.#payload.subarray(this.#offset, end);
    if (this.#offset === 0) this.onSent?.();
    this.#offset = end;
    const more = end < this.bytes;
    if (!more) this.#state = "sent";
    return encodeFrame({ kind: this.kind, id: this.id, more, bulk: this.bulk, payload });
  }
}
