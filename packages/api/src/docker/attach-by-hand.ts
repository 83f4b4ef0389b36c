import { ClusterError } from "@murmur/base";
import { DNS_ZONE, holdsAddress, parseIpAddress, parseIpBlock } from "@murmur/model";

/** What the engine of this node has for a network of the cluster. */
export interface EngineSide {
  /** The engine's name of it. */
  readonly name: string;
  /** Where the node answers names to those in it; undefined when the engine doesn't say. */
  readonly gateway: string | undefined;
  /** Of the network's addresses those that are this node's to give, as `ADDRESS/LENGTH`; undefined: its engine says which. */
  readonly ranges: readonly string[] | undefined;
}

/** Names that never mean a network of the cluster. */
const BUILT_IN = new Set(["", "default", "bridge", "host", "none", "nat"]);

type Fields = Readonly<Record<string, unknown>>;

export const fieldsIn = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};

/** The networks that the body of a `POST /containers/create` names, but for the engine's built-in ones. */
export function namedNetworks(body: unknown): readonly string[] {
  const { HostConfig, NetworkingConfig } = fieldsIn(body);
  const { NetworkMode } = fieldsIn(HostConfig);
  const mode = typeof NetworkMode === "string" && !NetworkMode.startsWith("container:") ? [NetworkMode] : [];
  const named = Object.keys(fieldsIn(fieldsIn(NetworkingConfig)["EndpointsConfig"]));
  return [...new Set([...mode, ...named])].filter((name) => !BUILT_IN.has(name));
}

/**
 * The body with the engine's names in place of the cluster's; the node answers the container's names unless it names
 * other resolvers. Errors: as `checkEndpoint`.
 */
export function withEngineSides(body: unknown, sides: ReadonlyMap<string, EngineSide>): unknown {
  const { HostConfig, NetworkingConfig, ...rest } = fieldsIn(body);
  const host = fieldsIn(HostConfig);
  const endpoints = Object.entries(fieldsIn(fieldsIn(NetworkingConfig)["EndpointsConfig"]));
  for (const [name, endpoint] of endpoints) {
    const side = sides.get(name);
    if (side !== undefined) checkEndpoint(name, endpoint, side);
  }
  const mode = typeof host["NetworkMode"] === "string" ? host["NetworkMode"] : "";
  const first = sides.get(mode) ?? endpoints.map(([name]) => sides.get(name)).find((side) => side !== undefined);
  const renamed = endpoints.map(([name, endpoint]) => [sides.get(name)?.name ?? name, endpoint]);
  return {
    ...rest,
    HostConfig: {
      ...host,
      ...(sides.has(mode) && { NetworkMode: sides.get(mode)?.name }),
      ...(!isList(host["Dns"]) && resolver(first?.gateway, host)),
    },
    ...(NetworkingConfig !== undefined && {
      NetworkingConfig: { ...fieldsIn(NetworkingConfig), EndpointsConfig: Object.fromEntries(renamed) },
    }),
  };
}

/**
 * The engine's own DNS server stays in between, as it knows the names of containers beside. Where its host's resolv.conf
 * has an option `ndots`, it answers no names of one word itself: with the zone put behind, it asks the node.
 */
function resolver(gateway: string | undefined, { DnsSearch, DnsOptions }: Fields): Fields {
  if (gateway === undefined) return {};
  return {
    Dns: [gateway],
    DnsSearch: isList(DnsSearch) ? DnsSearch : [DNS_ZONE],
    DnsOptions: isList(DnsOptions) ? DnsOptions : ["ndots:1"],
  };
}

/** Clients send empty lists for what nobody asked for. */
const isList = (value: unknown): boolean => Array.isArray(value) && value.length > 0;

/**
 * Errors: `invalid_argument` for an address that somebody chose and that isn't of this node's share: the other nodes would
 * not send to it here.
 */
export function checkEndpoint(network: string, endpoint: unknown, { ranges }: Pick<EngineSide, "ranges">): void {
  if (ranges === undefined) return;
  const { IPv4Address, IPv6Address } = fieldsIn(fieldsIn(endpoint)["IPAMConfig"]);
  for (const text of [IPv4Address, IPv6Address]) {
    if (text === undefined || text === "") continue;
    const address = typeof text === "string" ? parseIpAddress(text) : undefined;
    const blocks = ranges.flatMap((range) => parseIpBlock(range) ?? []);
    if (address !== undefined && blocks.some((block) => holdsAddress(block, address))) continue;
    const share = ranges.length === 0 ? "" : `, or choose one of ${ranges.join(", ")}, this node's share`;
    const why = `addresses of network ${network} are given out by the cluster, and ${JSON.stringify(text)} isn't this node's`;
    throw new ClusterError("invalid_argument", `${why}: leave the address out${share}`);
  }
}

/** Of what the engine shows of the network with the label. Undefined: there is none. */
export function engineSideIn(shown: unknown): EngineSide | undefined {
  const network = fieldsIn(shown);
  if (typeof network["Name"] !== "string") return undefined;
  const ranges = fieldsIn(network["IPAM"])["Config"];
  const given: readonly unknown[] = Array.isArray(ranges) ? ranges : [];
  const gateways = given.map((range) => fieldsIn(range)["Gateway"]);
  const own = given.map((range) => fieldsIn(range)["IPRange"]);
  const gateway = gateways.find((address) => typeof address === "string" && !address.includes(":"));
  return {
    name: network["Name"],
    gateway: typeof gateway === "string" ? gateway : undefined,
    ranges: own.filter((range) => typeof range === "string"),
  };
}
