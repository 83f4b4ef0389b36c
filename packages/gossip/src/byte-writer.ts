import { assert } from "@murmur/base";
import { COUNTER_MAX } from "./limits.ts";

/** The primitives of the wire format. */
export interface ByteSink {
  byte(value: number): void;
  flag(value: boolean): void;
  /** Four bytes, most significant first. */
  uint32(value: number): void;
  /** Seven bits a byte, least significant first; the high bit says that more follow. */
  counter(value: number): void;
  /** ASCII text after its length in one byte. */
  text(text: string): void;
  /** Bytes after their length. */
  bytes(bytes: Uint8Array): void;
}

/** Writes into a buffer that grows. What cannot be sent is a bug of the caller. */
export class ByteWriter implements ByteSink {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** Begins anew, in the buffer that there is. */
  clear(): void {
    this.#length = 0;
  }

  get length(): number {
    return this.#length;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  byte(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xff, "a byte is written");
    this.#room(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  flag(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  uint32(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff, "an unsigned 32-bit number is written");
    this.#room(4);
    for (let shift = 24; shift >= 0; shift -= 8) {
      this.#bytes[this.#length] = (value >>> shift) & 0xff;
      this.#length += 1;
    }
  }

  counter(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value <= COUNTER_MAX, "a counter of 48 bits is written");
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  text(text: string): void {
    this.byte(text.length);
    this.#room(text.length);
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      assert(code <= 0xff, "ASCII text is written");
      this.#bytes[this.#length + index] = code;
    }
    this.#length += text.length;
  }

  bytes(bytes: Uint8Array): void {
    this.counter(bytes.length);
    this.append(bytes);
  }

  /** Bytes alone. */
  append(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
