import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, isIPv6, type Server, type Socket } from "node:net";
import type { Clock, Millis } from "@murmur/base";
import type { Way } from "./dns-forwarder.ts";
import { MessageReader, withLength } from "./dns-stream.ts";
import type { IpPort } from "./ip-address.ts";
import { asIs } from "./open-port.ts";

/** Connections at once; more are closed at once. */
const CONNECTIONS_MAX = 256;
/** A connection without a whole question for this long is closed (RFC 7766, 6.2.3). */
const IDLE_MS: Millis = 10_000;
/** Questions of one connection that are not answered yet; until then no more are read from it. */
const UNANSWERED_MAX = 64;
/** Answers that an asker leaves lying; beyond it is cut off. */
const UNREAD_BYTES_MAX = 1024 * 1024;
/** Answers that the kernel has not taken yet; more are dropped, as on any full way. */
const SEND_QUEUE_MAX = 1_024;
const BUFFER_BYTES = 4 * 1024 * 1024;

/** Answers a message; undefined: it gets none. Never rejects. */
type Answerer = (message: Buffer, way: Way) => Buffer | undefined | Promise<Buffer | undefined>;

export interface DnsListenerOptions {
  readonly address: IpPort;
  readonly clock: Clock;
  readonly answer: Answerer;
  readonly onDropped: () => void;
  readonly onBroken: (error: Error) => void;
}

/** The two sockets of a DNS server: UDP and TCP, on the same port. */
export class DnsListener {
  readonly #options: DnsListenerOptions;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();

  private constructor(options: DnsListenerOptions) {
    this.#options = options;
    const ipv6 = isIPv6(options.address.host);
    this.#udp = createSocket({ type: ipv6 ? "udp6" : "udp4", lookup: asIs, recvBufferSize: BUFFER_BYTES });
    this.#tcp = createServer({ noDelay: true, allowHalfOpen: true });
    this.#tcp.maxConnections = CONNECTIONS_MAX;
  }

  /** Opens both or, with an error, neither. */
  static async open(options: DnsListenerOptions): Promise<DnsListener> {
    const listener = new DnsListener(options);
    try {
      await listener.#open();
      return listener;
    } catch (error) {
      listener.close();
      throw error;
    }
  }

  get port(): number {
    return this.#udp.address().port;
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
    for (const socket of this.#connections) socket.destroy();
  }

  async #open(): Promise<void> {
    const { host, port } = this.#options.address;
    // The address needs no looking up: it is bound before this call returns.
    const listening = once(this.#udp, "listening");
    this.#udp.bind({ address: host, port, exclusive: true });
    await listening;
    this.#udp.on("error", this.#options.onBroken);
    this.#udp.on("message", (bytes, asker) => {
      const answer = this.#options.answer(bytes, "udp");
      if (answer instanceof Promise) void answer.then((late) => this.#send(late, asker));
      else this.#send(answer, asker);
    });
    this.#tcp.listen({ host, port: this.port, exclusive: true });
    await once(this.#tcp, "listening");
    this.#tcp.on("error", this.#options.onBroken);
    this.#tcp.on("connection", (socket) => this.#serve(socket));
    this.#tcp.on("drop", this.#options.onDropped);
  }

  #send(answer: Buffer | undefined, asker: { readonly port: number; readonly address: string }): void {
    if (answer === undefined || !isOpen(this.#udp)) return;
    if (this.#udp.getSendQueueCount() >= SEND_QUEUE_MAX) return this.#options.onDropped();
    // With a callback an unreachable asker is no error of the server.
    this.#udp.send(answer, asker.port, asker.address, (error) => {
      if (error !== null) this.#options.onDropped();
    });
  }

  #serve(socket: Socket): void {
    const { clock, answer } = this.#options;
    const reader = new MessageReader();
    let unanswered = 0;
    let ended = false;
    let idle = clock.setTimer(IDLE_MS, () => socket.destroy());
    const finish = (late: Buffer | undefined): void => {
      unanswered -= 1;
      if (socket.destroyed) return;
      if (late !== undefined) socket.write(withLength(late));
      if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy();
      else if (unanswered === 0 && ended) socket.end();
      else if (unanswered < UNANSWERED_MAX) socket.resume();
    };
    this.#connections.add(socket);
    socket.once("close", () => {
      idle.cancel();
      this.#connections.delete(socket);
    });
    socket.on("error", () => socket.destroy());
    socket.on("end", () => {
      ended = true;
      if (unanswered === 0) socket.end();
    });
    socket.on("data", (chunk) => {
      const messages = reader.push(chunk);
      if (messages === undefined) return void socket.destroy();
      if (messages.length === 0) return;
      idle.cancel();
      idle = clock.setTimer(IDLE_MS, () => socket.destroy());
      unanswered += messages.length;
      if (unanswered >= UNANSWERED_MAX) socket.pause();
      for (const message of messages) void Promise.resolve(answer(message, "tcp")).then(finish);
    });
  }
}

function isOpen(socket: UdpSocket): boolean {
  try {
    socket.address();
    return true;
  } catch {
    return false;
  }
}
