import { canonicalAddress, familyOf, ipv4OfMac, type Family } from "../address.ts";
import { isVxlanName, VXLAN_SETTINGS, type KernelObject } from "../kernel-object.ts";
import { ACCEPT_COMMENT, DOCKER_CHAIN } from "../render/accept-lines.ts";
import { RULE_PREFERENCE } from "../render/link-lines.ts";
import { fieldOf, listOf, numberOf, textOf, type Json } from "./read-json.ts";

/** Our VXLAN devices, of what `ip -j -d link show type vxlan` printed. */
export function readVxlans(links: Json): readonly (KernelObject & { kind: "vxlan" })[] {
  return ours(links, "ifname").map((link) => {
    const data = fieldOf(link, "linkinfo", "info_data");
    return {
      kind: "vxlan",
      name: textOf(fieldOf(link, "ifname")),
      bridge: textOf(fieldOf(link, "master")),
      vni: numberOf(fieldOf(data, "id")),
      port: numberOf(fieldOf(data, "port")),
      local: textOf(fieldOf(data, "local")) || textOf(fieldOf(data, "local6")),
      mtu: numberOf(fieldOf(link, "mtu")),
      settings: settingsOf(link),
    };
  });
}

const ours = (list: Json, name: string): readonly Json[] =>
  listOf(list).filter((item) => isVxlanName(textOf(fieldOf(item, name))));

/** The settings that we give a device, in our words; what isn't as it should be is said first. */
function settingsOf(link: Json): string {
  const [data, port] = [fieldOf(link, "linkinfo", "info_data"), fieldOf(link, "linkinfo", "info_slave_data")];
  const wrong = [
    fieldOf(data, "learning") === false ? "" : "it learns",
    fieldOf(data, "proxy") === true ? "" : "no proxy",
    listOf(fieldOf(link, "flags")).includes("UP") ? "" : "down",
    fieldOf(port, "learning") === false ? "" : "its port learns",
    fieldOf(port, "flood") === false ? "" : "its port is flooded",
  ].filter((text) => text !== "");
  return wrong.length === 0 ? VXLAN_SETTINGS : wrong.join(", ");
}

/**
 * Bridges and our addresses on them, of what `ip -j addr show type bridge` printed. A bridge is of interest if a state
 * names it, or if it was given a MAC address of ours: one that is derived from an address of full length that it has.
 */
export function readBridges(links: Json, wanted: ReadonlySet<string>): readonly KernelObject[] {
  return listOf(links).flatMap((link): readonly KernelObject[] => {
    const [name, mac] = [textOf(fieldOf(link, "ifname")), textOf(fieldOf(link, "address"))];
    const whole = listOf(fieldOf(link, "addr_info"))
      .filter((info) => isWholeAddress(textOf(fieldOf(info, "local")), numberOf(fieldOf(info, "prefixlen"))))
      .map((info) => canonicalAddress(textOf(fieldOf(info, "local"))));
    const isOurs = wanted.has(name) || whole.includes(ipv4OfMac(mac) ?? "");
    const addresses = whole.map((address) => ({ kind: "address", bridge: name, address }) as const);
    if (!isOurs) return [];
    return wanted.has(name) ? [{ kind: "bridge", name, mac }, ...addresses] : addresses;
  });
}

/** Of what `ip -j -d link show type veth` printed: which of the ports are in hairpin mode. */
export const readHairpins = (links: Json, ports: ReadonlySet<string>): readonly KernelObject[] =>
  listOf(links).flatMap((link): readonly KernelObject[] => {
    const port = textOf(fieldOf(link, "ifname"));
    const isOn = fieldOf(link, "linkinfo", "info_slave_data", "hairpin") === true;
    return isOn && ports.has(port) ? [{ kind: "hairpin", port }] : [];
  });

const isWholeAddress = (address: string, length: number): boolean => length === (familyOf(address) === 4 ? 32 : 128);

/** Of what `bridge -j fdb show` printed. A device's own MAC address is no entry of ours. */
export function readForwarding(entries: Json): readonly KernelObject[] {
  return ours(entries, "ifname").flatMap((entry): readonly KernelObject[] => {
    const [device, mac] = [textOf(fieldOf(entry, "ifname")), textOf(fieldOf(entry, "mac"))];
    const underlay = textOf(fieldOf(entry, "dst"));
    if (underlay !== "") return [{ kind: "forward", device, mac, underlay }];
    return fieldOf(entry, "state") === "static" ? [{ kind: "member", device, mac }] : [];
  });
}

/** Of what `ip -j neighbour show nud permanent` printed. */
export function readNeighbours(entries: Json): readonly KernelObject[] {
  return ours(entries, "dev").map((entry) => ({
    kind: "neighbour",
    device: textOf(fieldOf(entry, "dev")),
    address: textOf(fieldOf(entry, "dst")),
    mac: textOf(fieldOf(entry, "lladdr")),
  }));
}

/** Of what `ip -j rule` printed for one family: the rules with our preference. */
export function readRules(rules: Json, family: Family): readonly (KernelObject & { kind: "rule" })[] {
  return listOf(rules)
    .filter((rule) => fieldOf(rule, "priority") === RULE_PREFERENCE)
    .map((rule) => ({ kind: "rule", family, mark: numberOf(fieldOf(rule, "table")) }));
}

/** Of what `ip -j route show table all` printed for one family: default routes of tables that our marks name. */
export function readRoutes(routes: Json, family: Family): readonly KernelObject[] {
  return listOf(routes).flatMap((route): readonly KernelObject[] => {
    const [mark, via] = [numberOf(fieldOf(route, "table")), textOf(fieldOf(route, "gateway"))];
    const isOurs = Number.isInteger(mark) && mark > 0xffff && fieldOf(route, "dst") === "default";
    return isOurs ? [{ kind: "route", family, mark, via }] : [];
  });
}

/** Of the same: the default route of the main table, which has no number there. */
export const readExits = (routes: Json, family: Family): readonly KernelObject[] =>
  listOf(routes)
    .filter((route) => fieldOf(route, "dst") === "default" && fieldOf(route, "table") === undefined)
    .slice(0, 1)
    .map((route) => ({ kind: "exit", family, via: textOf(fieldOf(route, "gateway")) }));

/** Of what `iptables -S DOCKER-USER` printed. */
export function readAccepts(text: string, family: Family): readonly KernelObject[] {
  const rule = new RegExp(
    `^-A ${DOCKER_CHAIN} -(?<side>[io]) (?<bridge>\\S+) .*--comment "?${ACCEPT_COMMENT}"? -j ACCEPT$`,
  );
  return text.split("\n").flatMap((line): readonly KernelObject[] => {
    const { side, bridge } = rule.exec(line.trim())?.groups ?? {};
    if (bridge === undefined) return [];
    return [{ kind: "accept", family, direction: side === "o" ? "in" : "out", bridge }];
  });
}
