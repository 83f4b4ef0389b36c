import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, isIPv6, type Server, type ServerOpts } from "node:net";
import type { Millis } from "@murmur/base";
import type { ListenAt } from "./listen-at.ts";

/** The kernel's queue of connections that nobody has accepted yet. */
const BACKLOG = 4_096;
/** A connection without traffic is asked from now on whether the other end is still there. */
export const KEEP_ALIVE_MS: Millis = 60_000;
/** What the kernel holds back of packets that come in a burst. */
const BUFFER_BYTES = 1024 * 1024;

const TCP: ServerOpts = {
  // Half a connection may outlive the other, and nothing is read before there is somebody to give it to.
  allowHalfOpen: true,
  pauseOnConnect: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_MS,
};

/** Opens a published TCP port. */
export async function openTcpPort({ address }: ListenAt, port: number): Promise<Server> {
  const server = createServer(TCP);
  // Without a host Node listens on `::` for both families, and on `0.0.0.0` where there is no IPv6.
  const host = address === undefined ? {} : { host: address, ipv6Only: isIPv6(address) };
  server.listen({ ...host, port, backlog: BACKLOG, exclusive: true });
  await once(server, "listening");
  return server;
}

/** Listens on a published TCP port that another process has opened and given to this one. */
export async function adoptTcpPort(socket: Server): Promise<Server> {
  const server = createServer(TCP);
  server.listen(socket);
  await once(server, "listening");
  return server;
}

/**
 * Opens a published UDP port: one socket for each family, so that an answer has the address that was asked. Errors of
 * the sockets from then on go to `onError`.
 */
export async function openUdpPort(
  { address }: ListenAt,
  port: number,
  onError: (error: Error) => void,
): Promise<readonly UdpSocket[]> {
  if (address !== undefined) return [await bindUdp(address, port, onError)];
  const first = await bindUdp("0.0.0.0", port, onError);
  try {
    return [first, await bindUdp("::", first.address().port, onError)];
  } catch (error) {
    if (isWithoutIpv6(error)) return [first];
    first.close();
    throw error;
  }
}

async function bindUdp(address: string, port: number, onError: (error: Error) => void): Promise<UdpSocket> {
  const ipv6Only = isIPv6(address);
  const socket = createSocket({
    type: ipv6Only ? "udp6" : "udp4",
    ipv6Only,
    lookup: asIs,
    recvBufferSize: BUFFER_BYTES,
  });
  try {
    // The address needs no looking up: it is bound before this call returns.
    const listening = once(socket, "listening");
    socket.bind({ address, port, exclusive: true });
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.on("error", onError);
  return socket;
}

const isWithoutIpv6 = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "EAFNOSUPPORT" || error.code === "EADDRNOTAVAIL");

/** The look-up of a socket that only ever sees IP addresses. */
export const asIs = (
  host: string,
  _options: unknown,
  done: (error: null, host: string, family: number) => void,
): void => done(null, host, isIPv6(host) ? 6 : 4);
