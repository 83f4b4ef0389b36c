import { formatIpAddress, parseIpAddress } from "./ip-address.ts";
import type { PortConfig, PortOptions } from "./service-spec.ts";

/** What the kernel's packet filter has no way to do. */
const PROXY_ONLY: ReadonlySet<PortOptions["balancing"]> = new Set(["least-conn", "peak-ewma"]);

/**
 * Whether a published port is served by the user-space proxy on every node, also in a cluster of the `overlay` plane: for
 * a balancing that only the proxy has, for the PROXY protocol, and on a loopback address, where no packet can be
 * redirected from.
 */
export function servedByProxy({ hostIp, balancing, proxyProtocol }: PortOptions): boolean {
  return proxyProtocol === true || PROXY_ONLY.has(balancing) || (hostIp !== undefined && isLoopback(hostIp));
}

const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");

/** Whether two ports that are both listened on would be in each other's way on a node. */
export function portsOverlap(
  left: Pick<PortConfig, "protocol" | "publishedPort" | "hostIp">,
  right: Pick<PortConfig, "protocol" | "publishedPort" | "hostIp">,
): boolean {
  const isSame = left.protocol === right.protocol && left.publishedPort === right.publishedPort;
  return isSame && addressesOverlap(left.hostIp, right.hostIp);
}

/**
 * Whether something may reach both. Left out is every address; `0.0.0.0` is every one of IPv4 and none of IPv6, `::` the
 * other way round; any other one is only itself.
 */
export function addressesOverlap(left: string | undefined, right: string | undefined): boolean {
  if (left === undefined || right === undefined || left === right) return true;
  if (left.includes(":") !== right.includes(":")) return false;
  return [left, right].some((address) => address === "0.0.0.0" || address === "::");
}

/**
 * The one spelling of an address that a port may be bound to; undefined for what is no address of a machine. An IPv4
 * address inside an IPv6 one is none: it would be the same port under another name.
 */
export function canonicalHostIp(text: string): string | undefined {
  const address = parseIpAddress(text);
  if (address === undefined || (address.family === 6 && address.value >> 32n === 0xffffn)) return undefined;
  return formatIpAddress(address);
}
