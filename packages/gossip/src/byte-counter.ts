import type { ByteSink } from "./byte-writer.ts";

/**
 * Counts what a `ByteWriter` would write, without writing it. Rumours and headers are measured far more often than they
 * are sent: each member that spreads a rumour measures it anew.
 */
export class ByteCounter implements ByteSink {
  #length = 0;

  get length(): number {
    return this.#length;
  }

  byte(_value: number): void {
    this.#length += 1;
  }

  flag(_value: boolean): void {
    this.#length += 1;
  }

  uint32(_value: number): void {
    this.#length += 4;
  }

  counter(value: number): void {
    this.#length += 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#length += 1;
  }

  text(text: string): void {
    this.#length += 1 + text.length;
  }

  bytes(bytes: Uint8Array): void {
    this.counter(bytes.length);
    this.#length += bytes.length;
  }
}
