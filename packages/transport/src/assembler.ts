import { ClusterError } from "@murmur/base";
import type { Frame } from "./frame.ts";

/** The other side broke the protocol; its connection is closed. */
export const violation = (what: string): ClusterError => new ClusterError("corrupt", `the peer ${what}`);

/** Every chunk but an item's last has at least this many bytes, so that keeping chunks costs about what they hold. */
export const CHUNK_BYTES_MIN = 512;

/**
 * Bytes to keep for long: themselves, or a copy when they are only the smaller part of a network buffer, which they would
 * keep alive.
 */
export const keepable = (bytes: Uint8Array): Uint8Array =>
  2 * bytes.length >= bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);

/** The chunks of one item, in order of arrival. */
export class Chunks {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a chunk in. Throws a violation. */
  add(payload: Uint8Array, more: boolean): void {
    if (payload.length < (more ? CHUNK_BYTES_MIN : 1)) throw violation("sent a chunk that is too small");
    this.#parts.push(keepable(payload));
    this.#bytes += payload.length;
  }

  /** The whole, and starts anew. */
  take(): Uint8Array {
    const whole = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts, this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    return whole ?? new Uint8Array(0);
  }
}

export interface AssemblerLimits {
  /** Of one item. */
  itemBytesMax: number;
  /** Of all unfinished items together. */
  totalBytesMax: number;
}

/** Puts items together from their chunks. Bounded: what goes beyond the limits is a violation. */
export class Assembler {
  readonly #limits: AssemblerLimits;
  /** Unfinished items by exchange. Invariant: #bytes is the sum of theirs. */
  readonly #open = new Map<number, { kind: Frame["kind"]; chunks: Chunks }>();
  #bytes = 0;

  constructor(limits: AssemblerLimits) {
    this.#limits = limits;
  }

  /** Items of which some chunks came. */
  get unfinished(): number {
    return this.#open.size;
  }

  /** The item that the frame completes; undefined when more chunks are to come. Throws a violation. */
  add(frame: Frame): Uint8Array | undefined {
    const started = this.#open.get(frame.id);
    if (started === undefined && !frame.more) {
      if (frame.payload.length > this.#limits.itemBytesMax) throw violation("sent an item beyond the limit");
      return frame.payload;
    }
    const item = started ?? { kind: frame.kind, chunks: new Chunks() };
    if (item.kind !== frame.kind) throw violation("mixed the chunks of two items");
    if (item.chunks.bytes + frame.payload.length > this.#limits.itemBytesMax) {
      throw violation("sent an item beyond the limit");
    }
    if (this.#bytes + frame.payload.length > this.#limits.totalBytesMax) {
      throw violation("left too many items unfinished");
    }
    item.chunks.add(frame.payload, frame.more);
    this.#bytes += frame.payload.length;
    if (frame.more) {
      this.#open.set(frame.id, item);
      return undefined;
    }
    this.#open.delete(frame.id);
    this.#bytes -= item.chunks.bytes;
    return item.chunks.take();
  }

  /** Forgets an unfinished item: its sender gave it up. */
  drop(id: number): void {
    this.#bytes -= this.#open.get(id)?.chunks.bytes ?? 0;
    this.#open.delete(id);
  }
}
