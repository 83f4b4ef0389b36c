/** What became of the datagrams since they were opened. */
export interface DatagramStats {
  readonly sent: number;
  readonly sentBytes: number;
  readonly received: number;
  readonly receivedBytes: number;
  /** Arrived, but couldn't be opened: of another cluster, an old key, or damaged. */
  readonly unopened: number;
  /** Not sent: too large, no IP address, too many waiting, or refused by the kernel. */
  readonly failed: number;
}

/** Unreliable packets between nodes, each sealed with the cluster's key. */
export interface Datagrams extends AsyncDisposable {
  /** "host:port", as bound. */
  readonly address: string;
  /** Sends to "ip:port" (names aren't resolved). Never throws, never waits: what can't be sent is counted. */
  send(to: string, bytes: Uint8Array): void;
  stats(): DatagramStats;
}

/** What both adapters are given. */
export interface DatagramHandlers {
  readonly seal: (bytes: Uint8Array) => Uint8Array;
  /** Undefined when the bytes weren't sealed with a known key. */
  readonly open: (bytes: Uint8Array) => Uint8Array | undefined;
  /** Must return at once; what it throws is logged. */
  readonly onPacket: (from: string, bytes: Uint8Array) => void;
}

/** The largest sealed packet that UDP carries over IPv4. Senders stay below 1,400, which no common link fragments. */
export const DATAGRAM_BYTES_MAX = 65_507;

/** The counters of one adapter. */
export class DatagramCounters {
  #stats: { -readonly [K in keyof DatagramStats]: number } = {
    sent: 0,
    sentBytes: 0,
    received: 0,
    receivedBytes: 0,
    unopened: 0,
    failed: 0,
  };

  sent(bytes: number): void {
    this.#stats.sent += 1;
    this.#stats.sentBytes += bytes;
  }

  received(bytes: number): void {
    this.#stats.received += 1;
    this.#stats.receivedBytes += bytes;
  }

  unopened(): void {
    this.#stats.unopened += 1;
  }

  failed(): void {
    this.#stats.failed += 1;
  }

  read(): DatagramStats {
    return { ...this.#stats };
  }
}
