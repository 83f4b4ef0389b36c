import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { ClusterError } from "@murmur/base";
import { formatAddress, parseAddress, type HostPort } from "@murmur/transport";

/**
 * Where the other nodes reach this one: what the user said (`IP`, `IP:port` or an interface's name), else the address
 * that it listens on, else the machine's only address. Throws `invalid_argument` with what to say instead.
 */
export function advertiseAddress(said: string | undefined, listen: HostPort): string {
  if (said !== undefined && said !== "") return fromUser(said, listen.port);
  if (listen.host !== "0.0.0.0" && listen.host !== "::") return formatAddress(listen);
  const candidates = ownAddresses();
  const [only, ...others] = candidates;
  if (only === undefined)
    throw new ClusterError("invalid_argument", "this machine has no network address: give one with --advertise-addr");
  if (others.length > 0) {
    const list = candidates.map(({ name, address }) => `${address} (${name})`).join(", ");
    throw new ClusterError(
      "invalid_argument",
      `this machine has several addresses: choose one with --advertise-addr: ${list}`,
    );
  }
  return formatAddress({ host: only.address, port: listen.port });
}

/** An address of this machine's interface of that name; undefined: there is none. */
export const addressOf = (named: string): string | undefined =>
  networkInterfaces()[named]?.find((entry) => !isLinkLocal(entry.address))?.address;

function fromUser(said: string, port: number): string {
  // The system is asked for its interfaces only where an address isn't said.
  const isAddress = isIP(said) !== 0 || isIP(said.replace(/:[0-9]+$/, "")) !== 0;
  const named = isAddress ? undefined : addressOf(said);
  if (named !== undefined) return formatAddress({ host: named, port });
  const { host, port: givenPort } =
    isIP(said) === 0 ? parseAddress(said.includes(":") ? said : `${said}:${String(port)}`) : { host: said, port };
  if (isIP(host) === 0) {
    throw new ClusterError(
      "invalid_argument",
      `--advertise-addr ${said}: neither an IP address nor an interface of this machine`,
    );
  }
  if (host === "0.0.0.0" || host === "::") {
    throw new ClusterError(
      "invalid_argument",
      `--advertise-addr ${said}: the advertise address must be a non-zero IP address, one that reaches this node from the others`,
    );
  }
  return formatAddress({ host, port: givenPort });
}

/** The last are the overlay's own bridges (`bridgeOf`), which outlive a daemon. */
const VIRTUAL = /^(?:docker|br-|veth|cni|flannel|virbr|lxc|podman|mm[0-9a-z]{12}$)/;

function ownAddresses(): { name: string; address: string }[] {
  const found: { name: string; address: string }[] = [];
  for (const [name, entries] of Object.entries(networkInterfaces())) {
    if (VIRTUAL.test(name)) continue;
    for (const entry of entries ?? []) {
      if (entry.family === "IPv4" && !entry.internal) found.push({ name, address: entry.address });
    }
  }
  return found;
}

/** Whether an `IP:PORT` is of this machine, as far as it knows its addresses. */
export function isOwnAddress(address: string): boolean {
  const { host } = parseAddress(address);
  const own = new BlockList();
  own.addSubnet("127.0.0.0", 8);
  for (const entry of Object.values(networkInterfaces()).flat()) {
    if (entry !== undefined) own.addAddress(entry.address, entry.family === "IPv4" ? "ipv4" : "ipv6");
  }
  return isIP(host) === 0 || own.check(host, isIP(host) === 4 ? "ipv4" : "ipv6");
}

const isLinkLocal = (address: string): boolean => address.startsWith("fe80:") || address.startsWith("169.254.");
