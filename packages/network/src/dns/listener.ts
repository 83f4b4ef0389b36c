import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, isIPv6, type Server, type Socket } from "node:net";
import type { Clock } from "@murmur/base";
import type { IpPort } from "../ip-address.ts";
import { isInUse } from "../listen-error.ts";
import { asIs } from "../open-port.ts";
import type { Way } from "./forwarder.ts";
import { serveStream } from "./stream-server.ts";

/** TCP connections at once, and of these from one address; more are closed at once. */
const CONNECTIONS_MAX = 256;
const CONNECTIONS_EACH_MAX = 64;
/** Answers that the kernel has not taken yet; more are dropped, as on any full way. */
const SEND_QUEUE_MAX = 1_024;
const BUFFER_BYTES = 4 * 1024 * 1024;
/** How often any port is asked for until one is free for UDP and TCP alike. */
const ANY_PORT_TRIES = 20;

/** Answers a message from an address; undefined: it gets none. Never rejects. */
type Answerer = (message: Buffer, way: Way, address: string) => Reply | Promise<Reply>;
type Reply = Buffer | undefined;

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
  #isOpen = true;

  private constructor(options: DnsListenerOptions) {
    this.#options = options;
    const ipv6 = isIPv6(options.address.host);
    this.#udp = createSocket({ type: ipv6 ? "udp6" : "udp4", lookup: asIs, recvBufferSize: BUFFER_BYTES });
    this.#tcp = createServer({ noDelay: true, allowHalfOpen: true });
    this.#tcp.maxConnections = CONNECTIONS_MAX;
  }

  /** Opens both or, with an error, neither. */
  static async open(options: DnsListenerOptions): Promise<DnsListener> {
    for (let triesLeft = ANY_PORT_TRIES; ; triesLeft -= 1) {
      const listener = new DnsListener(options);
      try {
        await listener.#open();
        return listener;
      } catch (error) {
        listener.close();
        // Any port that was free for UDP may be another program's for TCP: then another one will do.
        if (options.address.port !== 0 || !isInUse(error) || triesLeft === 0) throw error;
      }
    }
  }

  get port(): number {
    return this.#udp.address().port;
  }

  close(): void {
    this.#isOpen = false;
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
      const answer = this.#options.answer(bytes, "udp", asker.address);
      if (answer instanceof Promise) void answer.then((late) => this.#send(late, asker));
      else this.#send(answer, asker);
    });
    this.#tcp.listen({ host, port: this.port, exclusive: true });
    await once(this.#tcp, "listening");
    this.#tcp.on("error", this.#options.onBroken);
    this.#tcp.on("connection", (socket) => this.#serve(socket));
    this.#tcp.on("drop", this.#options.onDropped);
  }

  /** Called for each packet: no system calls but the one. */
  #send(answer: Reply, asker: { readonly port: number; readonly address: string }): void {
    if (answer === undefined || !this.#isOpen) return;
    if (this.#udp.getSendQueueCount() >= SEND_QUEUE_MAX) return this.#options.onDropped();
    // With a callback an unreachable asker is no error of the server.
    this.#udp.send(answer, asker.port, asker.address, this.#onSent);
  }
  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#options.onDropped();
  };

  #serve(socket: Socket): void {
    const { clock, answer, onDropped } = this.#options;
    const { remoteAddress: address = "" } = socket;
    let same = 0;
    for (const other of this.#connections) if (other.remoteAddress === address) same += 1;
    if (same >= CONNECTIONS_EACH_MAX) {
      onDropped();
      return void socket.destroy();
    }
    this.#connections.add(socket);
    socket.once("close", () => this.#connections.delete(socket));
    serveStream(socket, { clock, answer: (message) => answer(message, "tcp", address) });
  }
}
