import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIP, isIPv6 } from "node:net";
import { ClusterError, messageOf, type Log } from "@murmur/base";
import { formatAddress, parseAddress, type HostPort } from "./address.ts";
import { DATAGRAM_BYTES_MAX, DatagramCounters, type DatagramHandlers, type Datagrams } from "./datagrams.ts";

export interface OpenDatagramsOptions extends DatagramHandlers {
  /** An IP address; "::" takes IPv4 as well. */
  readonly listen: HostPort;
  readonly log: Log;
}

/** Bursts wait here while the event loop is busy. The kernel may grant less (net.core.rmem_max). */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;
/** Packets that wait for the kernel; one more is dropped. */
const SENDING_MAX = 512;
const MAPPED = "::ffff:";

/** Opens a UDP socket; rejects with one line when it can't be bound. */
export async function openDatagrams(options: OpenDatagramsOptions): Promise<Datagrams> {
  const { listen } = options;
  if (isIP(listen.host) === 0) {
    throw new ClusterError("invalid_argument", `"${listen.host}" is no IP address to listen on`);
  }
  const socket = createSocket({
    type: isIPv6(listen.host) ? "udp6" : "udp4",
    // Only IP addresses get here: nothing is resolved.
    lookup: (host, _options, callback) => callback(null, host, isIP(host)),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", (error) => {
      const address = formatAddress(listen);
      reject(new ClusterError("port_conflict", `cannot bind UDP ${address}: ${messageOf(error)}`, { cause: error }));
    });
    socket.bind({ address: listen.host, port: listen.port }, () => resolve());
  });
  socket.removeAllListeners("error");
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch (error) {
    options.log.debug("the receive buffer stays small", { error: messageOf(error) });
  }
  return new UdpDatagrams(socket, options);
}

class UdpDatagrams implements Datagrams {
  readonly address: string;
  readonly #socket: Socket;
  readonly #options: OpenDatagramsOptions;
  readonly #counters = new DatagramCounters();
  readonly #mapIPv4: boolean;
  #closed = false;

  constructor(socket: Socket, options: OpenDatagramsOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#mapIPv4 = isIPv6(options.listen.host);
    this.address = formatAddress({ host: options.listen.host, port: socket.address().port });
    socket.on("message", (bytes, from) => this.#receive(bytes, from));
    socket.on("error", (error) => {
      this.#counters.failed();
      options.log.debug("a datagram failed", { error: messageOf(error) });
    });
  }

  send(to: string, bytes: Uint8Array): void {
    try {
      this.#send(parseAddress(to), this.#options.seal(bytes));
    } catch (error) {
      this.#counters.failed();
      this.#options.log.debug("a datagram was not sent", { to, error: messageOf(error) });
    }
  }

  stats(): ReturnType<DatagramCounters["read"]> {
    return this.#counters.read();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #send(to: HostPort, sealed: Uint8Array): void {
    const family = isIP(to.host);
    const reachable = family === 4 || (family === 6 && this.#mapIPv4);
    if (this.#closed || !reachable || sealed.length > DATAGRAM_BYTES_MAX) return this.#counters.failed();
    if (this.#socket.getSendQueueCount() >= SENDING_MAX) return this.#counters.failed();
    const host = family === 4 && this.#mapIPv4 ? MAPPED + to.host : to.host;
    this.#socket.send(sealed, to.port, host, (error) => {
      if (error === null) this.#counters.sent(sealed.length);
      else this.#counters.failed();
    });
  }

  #receive(bytes: Uint8Array, from: RemoteInfo): void {
    this.#counters.received(bytes.length);
    try {
      const opened = this.#options.open(bytes);
      if (opened === undefined) return this.#counters.unopened();
      const host = from.address.startsWith(MAPPED) ? from.address.slice(MAPPED.length) : from.address;
      this.#options.onPacket(formatAddress({ host, port: from.port }), opened);
    } catch (error) {
      this.#options.log.error("a datagram's handler failed", { error: messageOf(error) });
    }
  }
}
