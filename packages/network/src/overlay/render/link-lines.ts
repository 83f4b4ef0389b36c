import { familyOf, type Family } from "../address.ts";
import type { KernelObject } from "../kernel-object.ts";

/** How soon our routing rules are asked: after the kernel's own addresses (0), before its main table (32,766). */
export const RULE_PREFERENCE = 10_042;

/** The `ip` lines that make an object, each for one family; only a VXLAN device takes several. */
export function addLines(object: KernelObject): readonly string[] {
  switch (object.kind) {
    case "bridge":
      return [`link set dev ${object.name} address ${object.mac}`];
    case "vxlan":
      return vxlanLines(object);
    case "address":
      return [`address replace ${prefixed(object.address)} dev ${object.bridge}${noDad(object.address)}`];
    case "neighbour":
      return [`neighbour replace ${object.address} lladdr ${object.mac} dev ${object.device} nud permanent`];
    case "hairpin":
      return [`link set dev ${object.port} type bridge_slave hairpin on`];
    case "rule":
      return [`rule add ${ruleText(object.mark)}`];
    case "route":
      return [`route replace default via ${object.via} table ${String(object.mark)}`];
    case "exit":
      return [`route replace default via ${object.via}`];
    case "forward":
    case "member":
    case "accept":
    case "table":
    case "element":
    case "chain":
      return [];
  }
}

/** The `ip` lines that remove an object. The bridge is the engine's, and its MAC address stays; so does the default route. */
export function removeLines(object: KernelObject): readonly string[] {
  switch (object.kind) {
    case "vxlan":
      return [`link delete dev ${object.name}`];
    case "address":
      return [`address delete ${prefixed(object.address)} dev ${object.bridge}`];
    case "neighbour":
      return [`neighbour delete ${object.address} dev ${object.device}`];
    case "hairpin":
      return [`link set dev ${object.port} type bridge_slave hairpin off`];
    case "rule":
      return [`rule delete ${ruleText(object.mark)}`];
    case "route":
      return [`route delete default table ${String(object.mark)}`];
    case "bridge":
    case "exit":
    case "forward":
    case "member":
    case "accept":
    case "table":
    case "element":
    case "chain":
      return [];
  }
}

/** The family of the `ip` that takes an object's lines. */
export function familyOfObject(object: KernelObject): Family {
  return "family" in object ? object.family : 4;
}

/** The `sysctl` lines without which IPv6 neighbours are refused: many hosts switch IPv6 off for all that is new. */
export function ipv6Lines(neighbours: readonly (KernelObject & { kind: "neighbour" })[]): readonly string[] {
  const devices = neighbours.filter(({ address }) => familyOf(address) === 6).map(({ device }) => device);
  return [...new Set(devices)].map((device) => `net/ipv6/conf/${device}/disable_ipv6 0`);
}

/** The `bridge` lines that make an object. */
export function addBridgeLines(object: KernelObject): readonly string[] {
  if (object.kind === "member") return [`fdb replace ${object.mac} dev ${object.device} master static`];
  if (object.kind !== "forward") return [];
  return [`fdb replace ${object.mac} dev ${object.device} self dst ${object.underlay} static`];
}

export function removeBridgeLines(object: KernelObject): readonly string[] {
  if (object.kind === "member") return [`fdb delete ${object.mac} dev ${object.device} master`];
  if (object.kind !== "forward") return [];
  return [`fdb delete ${object.mac} dev ${object.device} self dst ${object.underlay}`];
}

function vxlanLines(vxlan: KernelObject & { kind: "vxlan" }): readonly string[] {
  const { name, bridge, vni, port, local, mtu } = vxlan;
  const tunnel = `id ${String(vni)} local ${local} dstport ${String(port)} nolearning proxy`;
  return [
    `link add name ${name} mtu ${String(mtu)} type vxlan ${tunnel}`,
    `link set dev ${name} master ${bridge}`,
    `link set dev ${name} type bridge_slave learning off flood off`,
    `link set dev ${name} up`,
  ];
}

const prefixed = (address: string): string => `${address}/${familyOf(address) === 4 ? "32" : "128"}`;
/** Nobody else can have it; waiting for a second to find that out would lose the first packets. */
const noDad = (address: string): string => (familyOf(address) === 4 ? "" : " nodad");

const ruleText = (mark: number): string =>
  `fwmark ${String(mark)} table ${String(mark)} preference ${String(RULE_PREFERENCE)}`;
