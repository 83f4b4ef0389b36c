import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import type { PortConfig } from "@murmur/model";
import { listenError } from "./listen-error.ts";

/** Opens a port and closes it at once. One line when it can't be had; a protocol without sockets here is let pass. */
export function isPortFree(address: string, { protocol, publishedPort }: PortConfig): Promise<string | undefined> {
  switch (protocol) {
    case "tcp":
      return tryTcp(address, publishedPort);
    case "udp":
      return tryUdp(address, publishedPort);
    case "sctp":
      return Promise.resolve(undefined);
  }
}

function tryTcp(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(listenError("tcp", port, error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function tryUdp(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.once("error", (error) => {
      socket.close();
      resolve(listenError("udp", port, error));
    });
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}
