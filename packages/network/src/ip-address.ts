import { isIP, isIPv6 } from "node:net";
import { ClusterError } from "@murmur/base";

/** An IP address and a port. */
export interface IpPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `IP:PORT`, `[IPv6]:PORT` or, where a default port is given, `IP` alone. `what` names the setting in the error.
 *
 * @throws ClusterError `invalid_argument`
 */
export function parseIpPort(text: string, what: string, defaultPort?: number): IpPort {
  if (defaultPort !== undefined && isIP(text) !== 0) return { host: text, port: defaultPort };
  const colon = text.lastIndexOf(":");
  const [before, after] = [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)];
  const isBracketed = before.startsWith("[") && before.endsWith("]");
  const host = isBracketed ? before.slice(1, -1) : before;
  const port = /^[0-9]{1,5}$/.test(after) ? Number(after) : Number.NaN;
  if (isIP(host) !== 0 && isIPv6(host) === isBracketed && port <= 65_535) return { host, port };
  throw new ClusterError("invalid_argument", `${what} "${text}" is not of the form IP:PORT or [IPv6]:PORT`);
}

/** `IP:PORT`, with brackets round an IPv6 address. */
export const formatIpPort = ({ host, port }: IpPort): string => `${isIPv6(host) ? `[${host}]` : host}:${String(port)}`;

/** Four bytes, or sixteen; undefined for what is no IP address. An address with a zone (`%eth0`) has no bytes. */
export function ipBytes(text: string): readonly number[] | undefined {
  const family = isIP(text);
  if (family === 4) return text.split(".").map(Number);
  if (family !== 6 || text.includes("%")) return undefined;
  const [head = "", tail] = text.split("::");
  const left = ipv6Part(head);
  if (tail === undefined) return left;
  const right = ipv6Part(tail);
  return [...left, ...Array.from({ length: 16 - left.length - right.length }, () => 0), ...right];
}

/** The bytes of one side of the `::`; the last group may be an IPv4 address. */
function ipv6Part(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
