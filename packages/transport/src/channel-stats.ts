/** What has passed through one channel since the transport was opened. */
export interface ChannelStats {
  readonly sent: number;
  readonly sentBytes: number;
  readonly received: number;
  readonly receivedBytes: number;
  /** Not sent: no connection, full outbox, or too large. */
  readonly dropped: number;
}

/** Channels counted by name; what comes after so many is counted under "other", so a peer can't make the map grow. */
const CHANNELS_MAX = 64;

export class ChannelCounters {
  readonly #channels = new Map<string, { -readonly [K in keyof ChannelStats]: number }>();

  sent(channel: string, bytes: number): void {
    const counters = this.#of(channel);
    counters.sent += 1;
    counters.sentBytes += bytes;
  }

  received(channel: string, bytes: number): void {
    const counters = this.#of(channel);
    counters.received += 1;
    counters.receivedBytes += bytes;
  }

  dropped(channel: string): void {
    this.#of(channel).dropped += 1;
  }

  read(): Readonly<Record<string, ChannelStats>> {
    return Object.fromEntries([...this.#channels].map(([channel, counters]) => [channel, { ...counters }]));
  }

  #of(channel: string): { -readonly [K in keyof ChannelStats]: number } {
    const known = this.#channels.get(channel);
    if (known !== undefined) return known;
    const name = this.#channels.size < CHANNELS_MAX ? channel : "other";
    const counters = this.#channels.get(name) ?? { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0, dropped: 0 };
    this.#channels.set(name, counters);
    return counters;
  }
}
