import type { PortConfig } from "@murmur/model";
import { listenAt } from "./listen-at.ts";
import { problemOf } from "./listen-error.ts";
import { openTcpPort, openUdpPort } from "./open-port.ts";

/**
 * Opens a port as it would be opened when published, and closes it at once. One line when it can't be had; a protocol
 * or an address that is not published here is let pass.
 */
export async function portProblem(
  publishAddress: string,
  { protocol, publishedPort, hostIp }: PortConfig,
): Promise<string | undefined> {
  const at = listenAt(publishAddress, hostIp);
  if (at === undefined) return undefined;
  try {
    switch (protocol) {
      case "tcp":
        (await openTcpPort(at, publishedPort)).close();
        return undefined;
      case "udp":
        for (const socket of await openUdpPort(at, publishedPort, () => {})) socket.close();
        return undefined;
      case "sctp":
        return undefined;
    }
  } catch (error) {
    return problemOf({ protocol, port: publishedPort, ...(hostIp !== undefined && { hostIp }) }, error);
  }
}
