import { readFile } from "node:fs/promises";
import { isIP, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { formatIpPort, parseIpPort, type IpPort } from "./ip-address.ts";

const DNS_PORT = 53;
/** As many as the C library uses. */
const RESOLVERS_MAX = 3;

/**
 * The machine's own resolvers as `IP:PORT`, without this server itself: a machine that asks us for its names would
 * otherwise have us ask ourselves. Empty where there is no resolv.conf.
 */
export async function systemResolvers(dnsAddress: string | undefined): Promise<readonly string[]> {
  const text = await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  const own = dnsAddress === undefined ? undefined : parseIpPort(dnsAddress, "the DNS address");
  return resolversIn(text)
    .map((host) => ({ host, port: DNS_PORT }))
    .filter((resolver) => own === undefined || !isReachedAt(own, resolver))
    .slice(0, RESOLVERS_MAX)
    .map(formatIpPort);
}

/** The addresses after `nameserver`, in order. */
export function resolversIn(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => {
    const [keyword, address = ""] = line.trim().split(/\s+/);
    return keyword === "nameserver" && isIP(address) !== 0 ? [address] : [];
  });
}

/** Whether a question sent to `asked` arrives at the server that listens on `own`. */
export function isReachedAt(own: IpPort, asked: IpPort): boolean {
  if (own.port !== asked.port) return false;
  if (own.host !== "0.0.0.0" && own.host !== "::") return own.host === asked.host;
  if (isIPv6(asked.host) && own.host === "0.0.0.0") return false;
  if (asked.host.startsWith("127.") || asked.host === "::1") return true;
  return Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === asked.host));
}
