import type { PortConfig } from "@murmur/model";
import { listenError } from "./listen-error.ts";
import { openTcpPort, openUdpPort } from "./open-port.ts";

/**
 * Opens a port as it would be opened when published, and closes it at once. One line when it can't be had; a protocol
 * that is not published here is let pass.
 */
export async function portProblem(
  address: string,
  { protocol, publishedPort }: PortConfig,
): Promise<string | undefined> {
  try {
    switch (protocol) {
      case "tcp":
        (await openTcpPort(address, publishedPort)).close();
        return undefined;
      case "udp":
        for (const socket of await openUdpPort(address, publishedPort, () => {})) socket.close();
        return undefined;
      case "sctp":
        return undefined;
    }
  } catch (error) {
    return listenError(protocol, publishedPort, error);
  }
}
