import type { Millis } from "@murmur/base";
import type { Response } from "./response.ts";

/** What is kept at most; beyond it the one that was asked for longest ago goes. */
const BYTES_MAX = 8 * 1024 * 1024;
/** What an answer costs beside its bytes and its key: the runtime's objects, about; and each time to live. */
const ANSWER_COST = 512;
const TTL_COST = 8;

interface Kept {
  readonly bytes: Buffer;
  readonly ttlOffsets: readonly number[];
  readonly since: Millis;
  readonly until: Millis;
}

/**
 * Answers of other servers, for as long as they allow. Never the cluster's own: those are made from the table. Pure:
 * time is passed in.
 */
export class ResponseCache {
  /** In the order of their last use. */
  readonly #kept = new Map<string, Kept>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** A copy with the times to live that are left. */
  get(key: string, now: Millis): Buffer | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#remove(key, kept);
    if (now >= kept.until) return undefined;
    this.#add(key, kept);
    const copy = Buffer.from(kept.bytes);
    const agedS = Math.floor((now - kept.since) / 1_000);
    for (const at of kept.ttlOffsets) copy.writeUInt32BE(Math.max(0, copy.readInt32BE(at) - agedS), at);
    return copy;
  }

  put(key: string, bytes: Buffer, { response, now }: { readonly response: Response; readonly now: Millis }): void {
    if (response.keepS === 0) return;
    const before = this.#kept.get(key);
    if (before !== undefined) this.#remove(key, before);
    // A copy, as the bytes may be a small part of a large chunk.
    this.#add(key, {
      bytes: Buffer.from(bytes),
      ttlOffsets: response.ttlOffsets,
      since: now,
      until: now + response.keepS * 1_000,
    });
    for (const [oldest, kept] of this.#kept) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#remove(oldest, kept);
    }
  }

  #add(key: string, kept: Kept): void {
    this.#kept.set(key, kept);
    this.#bytes += costOf(key, kept);
  }

  #remove(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#bytes -= costOf(key, kept);
  }
}

const costOf = (key: string, { bytes, ttlOffsets }: Kept): number =>
  bytes.length + key.length + ttlOffsets.length * TTL_COST + ANSWER_COST;
