import { createSocket, type Socket } from "node:dgram";
import { isIP, isIPv6 } from "node:net";
import type { Millis } from "@murmur/base";
import { asIs } from "./open-port.ts";
import type { Target } from "./targets.ts";

/** Packets kept while the socket is being opened; more are dropped. */
const EARLY_MAX = 32;
/** Packets that the kernel has not taken yet; more are dropped, as on any full way. */
const SEND_QUEUE_MAX = 64;

/**
 * One client's packets to one task, through a socket of their own so that answers find their way back. The socket is
 * connected: the kernel lets only the task's packets in, and says when nothing listens there.
 */
export class UdpFlow implements Disposable {
  readonly target: Target;
  usedAt: Millis = 0;
  /** The epoch of the targets in which the task was last found usable. */
  checkedIn = 0;
  readonly #socket: Socket;
  /** Undefined once the socket is connected. */
  #early: Uint8Array[] | undefined = [];
  #isRefused = false;
  #closed = false;

  constructor(target: Target, onAnswer: (bytes: Uint8Array) => void) {
    this.target = target;
    const { host, port, source } = target;
    const lookup = isIP(host) === 0 ? {} : { lookup: asIs };
    this.#socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4", ...lookup });
    this.#socket.on("message", (bytes) => {
      if (!this.#closed) onAnswer(bytes);
    });
    this.#socket.on("error", () => (this.#isRefused = true));
    this.#socket.once("connect", () => {
      const early = this.#early ?? [];
      this.#early = undefined;
      for (const bytes of early) this.send(bytes);
    });
    if (source === undefined) this.#socket.connect(port, host);
    else this.#socket.bind({ address: source }, () => this.#socket.connect(port, host));
  }

  /** Whether the task's node said that nothing takes the packets. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** False when the packet was dropped. */
  send(bytes: Uint8Array): boolean {
    if (this.#closed) return false;
    if (this.#early !== undefined) return this.#early.length < EARLY_MAX && this.#early.push(bytes) > 0;
    if (this.#socket.getSendQueueCount() >= SEND_QUEUE_MAX) return false;
    this.#socket.send(bytes, (error) => {
      if (error !== null) this.#isRefused = true;
    });
    return true;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}
