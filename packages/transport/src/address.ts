import { isIPv6 } from "node:net";
import { ClusterError } from "@murmur/base";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Reads "host:port" or "[ipv6]:port"; `invalid_argument` for anything else. */
export function parseAddress(text: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^\s:[\]/]+)):([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) {
    throw new ClusterError("invalid_argument", `"${text}" is no address: write host:port, or [ipv6]:port`);
  }
  return { host, port };
}

/** The inverse of `parseAddress`. */
export const formatAddress = ({ host, port }: HostPort): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
