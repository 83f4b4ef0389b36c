import { assert } from "@murmur/base";
import type { Index } from "./types.ts";

/** The appends sent to one follower and not answered yet, bounded in number and bytes. */
export class Inflight {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  /** In the order sent. Invariant: `last` grows strictly. */
  #sent: { last: Index; bytes: number }[] = [];
  #bytes = 0;

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#sent.length;
  }
  get bytes(): number {
    return this.#bytes;
  }
  get full(): boolean {
    return this.#sent.length >= this.#maxMessages || this.#bytes >= this.#maxBytes;
  }
  get bytesFree(): number {
    return Math.max(0, this.#maxBytes - this.#bytes);
  }

  /** Notes an append whose last entry is `last`. */
  add(last: Index, bytes: number): void {
    assert(!this.full, "the window has room for what is sent");
    const previous = this.#sent.at(-1);
    assert(previous === undefined || previous.last < last, "appends are sent in order");
    this.#sent.push({ last, bytes });
    this.#bytes += bytes;
  }

  /** Everything up to `index` was answered. */
  freeTo(index: Index): void {
    let freed = 0;
    for (const { last, bytes } of this.#sent) {
      if (last > index) break;
      this.#bytes -= bytes;
      freed += 1;
    }
    if (freed > 0) this.#sent = this.#sent.slice(freed);
  }
}
