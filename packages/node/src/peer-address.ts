import { isIP } from "node:net";
import { formatAddress, parseAddress, type HostPort } from "@murmur/transport";
import { addressOf } from "./advertise-address.ts";

/** Where the peers' port is when nobody says anything. */
export const DEFAULT_LISTEN: HostPort = { host: "0.0.0.0", port: 7_373 };

/** Where a node listens, as Docker's clients may say it: `IP`, `IP:port`, `:port`, or an interface in the IP's place. Errors: `invalid_argument`. */
export function listenAddress(said: string): string {
  const { host, port } = parseAddress(withPort(/^:[0-9]+$/.test(said) ? `${DEFAULT_LISTEN.host}${said}` : said));
  return formatAddress({ host: (isIP(host) === 0 ? addressOf(host) : undefined) ?? host, port });
}

/** An address of a node without a port gets the usual one. */
export function withPort(said: string): string {
  const { port } = DEFAULT_LISTEN;
  if (isIP(said) !== 0) return formatAddress({ host: said, port });
  return said.includes(":") && !/^\[[^\]]+\]$/.test(said) ? said : `${said}:${String(port)}`;
}
