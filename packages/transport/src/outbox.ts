import { BoundedQueue } from "@murmur/base";
import type { TransportLimits } from "./limits.ts";
import type { MessageSource } from "./send-lanes.ts";
import type { ChannelCounters } from "./channel-stats.ts";

interface Waiting {
  readonly channel: string;
  readonly bytes: Uint8Array;
}

/** Encoded channel messages that wait for one peer. Bounded by count and bytes; when full, the oldest goes. */
export class Outbox implements MessageSource {
  readonly #limits: TransportLimits;
  readonly #counters: ChannelCounters;
  readonly #queue: BoundedQueue<Waiting>;
  #bytes = 0;

  constructor(limits: TransportLimits, counters: ChannelCounters) {
    this.#limits = limits;
    this.#counters = counters;
    this.#queue = new BoundedQueue({ limit: limits.outboxMessages, onFull: "reject" });
  }

  get size(): number {
    return this.#queue.size;
  }

  /** Takes a message in; false when older ones had to go for it. */
  push(channel: string, bytes: Uint8Array): boolean {
    let whole = true;
    while (this.#queue.size >= this.#limits.outboxMessages || this.#bytes + bytes.length > this.#limits.outboxBytes) {
      const oldest = this.#take();
      if (oldest === undefined) break;
      this.#counters.dropped(oldest.channel);
      whole = false;
    }
    this.#queue.push({ channel, bytes });
    this.#bytes += bytes.length;
    return whole;
  }

  shift(): Uint8Array | undefined {
    const oldest = this.#take();
    if (oldest !== undefined) this.#counters.sent(oldest.channel, oldest.bytes.length);
    return oldest?.bytes;
  }

  /** Drops all: the peer cannot be reached. */
  clear(): void {
    for (let oldest = this.#take(); oldest !== undefined; oldest = this.#take()) this.#counters.dropped(oldest.channel);
  }

  #take(): Waiting | undefined {
    const oldest = this.#queue.shift();
    this.#bytes -= oldest?.bytes.length ?? 0;
    return oldest;
  }
}
