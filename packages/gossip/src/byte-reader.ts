import { COUNTER_MAX } from "./limits.ts";

/**
 * Reads the primitives of the wire format and never throws. After the first malformed or missing byte `failed` is true
 * for good and every read gives an empty value; callers look once, at the end, and in loops.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Whether all was well and all was read. */
  get complete(): boolean {
    return !this.#failed && this.remaining === 0;
  }

  fail(): void {
    this.#failed = true;
  }

  byte(): number {
    const value = this.#failed ? undefined : this.#bytes[this.#offset];
    if (value === undefined) {
      this.#failed = true;
      return 0;
    }
    this.#offset += 1;
    return value;
  }

  flag(): boolean {
    const value = this.byte();
    if (value > 1) this.#failed = true;
    return value === 1;
  }

  uint32(): number {
    return ((this.byte() << 24) | (this.byte() << 16) | (this.byte() << 8) | this.byte()) >>> 0;
  }

  counter(): number {
    let value = 0;
    for (let scale = 1; scale <= COUNTER_MAX; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        // One number has one form: no padding with zero bytes.
        if (value > COUNTER_MAX || (byte === 0 && scale > 1)) break;
        return this.#failed ? 0 : value;
      }
    }
    this.#failed = true;
    return 0;
  }

  /** Printable ASCII text of `lengthMin` to `lengthMax` characters. */
  text(lengthMin: number, lengthMax: number): string {
    const length = this.byte();
    if (length < lengthMin || length > lengthMax || length > this.remaining) this.#failed = true;
    if (this.#failed) return "";
    const codes = this.#bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    for (let at = 0; at < length; at += 1) {
      const code = codes[at] ?? 0;
      if (code < 0x21 || code > 0x7e) this.#failed = true;
    }
    return this.#failed ? "" : Reflect.apply(String.fromCharCode, undefined, codes);
  }

  /** A copy of up to `lengthMax` bytes. */
  bytes(lengthMax: number): Uint8Array {
    const length = this.counter();
    if (length > lengthMax || length > this.remaining) this.#failed = true;
    if (this.#failed) return new Uint8Array(0);
    const bytes = this.#bytes.slice(this.#offset, this.#offset + length);
    this.#offset += length;
    return bytes;
  }
}
