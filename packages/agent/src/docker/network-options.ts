import { SocketAddress } from "node:net";
import type { NetworkCreateOptions, NetworkInspectInfo } from "dockerode";
import type { EngineNetwork } from "../ports.ts";

/** What the engine is asked for, for a bridge network. Its masquerading is the way out, also where others look for it. */
export function networkOptions(network: EngineNetwork): NetworkCreateOptions {
  const { name, bridge, mtu, internal, ipv6, labels } = network;
  return {
    Name: name,
    CheckDuplicate: true, // older engines would make a second one of the same name
    Driver: "bridge",
    Internal: internal,
    EnableIPv6: ipv6 !== undefined,
    IPAM: { Driver: "default", Config: subnets(network) },
    Options: {
      "com.docker.network.bridge.name": bridge,
      "com.docker.network.bridge.enable_ip_masquerade": "true",
      "com.docker.network.driver.mtu": String(mtu),
    },
    Labels: { ...labels },
  };
}

/** What a network of the engine's has otherwise than it is wanted, in one word each; empty: nothing. */
export function networkDifferences(network: EngineNetwork, info: NetworkInspectInfo): readonly string[] {
  const wanted = networkOptions(network);
  const pairs: readonly (readonly [string, boolean])[] = [
    ["driver", info.Driver === wanted.Driver],
    ["internal", info.Internal === wanted.Internal],
    ["IPv6", info.EnableIPv6 === wanted.EnableIPv6],
    ["subnets", rangesOf(info.IPAM?.Config) === rangesOf(wanted.IPAM?.Config)],
    ["options", includes(info.Options, wanted.Options)],
    ["labels", includes(info.Labels, wanted.Labels)],
  ];
  return pairs.flatMap(([what, same]) => (same ? [] : [what]));
}

interface IpamRange {
  readonly Subnet?: string | undefined;
  readonly Gateway?: string | undefined;
  readonly IPRange?: string | undefined;
  readonly AuxiliaryAddresses?: Readonly<Partial<Record<string, string>>> | undefined;
}

function subnets({ ipv4, ipv6 }: EngineNetwork) {
  const all = ipv6 === undefined ? [ipv4] : [ipv4, ipv6];
  return all.map(({ subnet, gateway, range, auxiliary }) => ({
    Subnet: subnet,
    Gateway: gateway,
    IPRange: range,
    ...(auxiliary !== undefined && { AuxiliaryAddresses: { ...auxiliary } }),
  }));
}

/** The subnets, gateways, ranges and auxiliary addresses as one text: in a fixed order, each address in the form that engines may give it. */
function rangesOf(config: readonly IpamRange[] | undefined): string {
  const lines = (config ?? []).map((range) => {
    const kept = Object.values(range.AuxiliaryAddresses ?? {}).flatMap((text) => text ?? []);
    return [range.Subnet, range.Gateway, range.IPRange, ...kept.toSorted()]
      .map((text = "") => canonical(text))
      .join(" ");
  });
  return lines.toSorted().join("\n");
}

/** `ADDRESS` or `ADDRESS/LENGTH` with an IPv6 address in its shortest form; engines differ in theirs. */
function canonical(text: string): string {
  const [address = "", length] = text.split("/");
  if (!address.includes(":")) return text;
  const short = SocketAddress.parse(`[${address}]:0`)?.address ?? address;
  return length === undefined ? short : `${short}/${length}`;
}

function includes(
  have: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>> | undefined,
): boolean {
  return Object.entries(wanted ?? {}).every(([name, value]) => have?.[name] === value);
}
