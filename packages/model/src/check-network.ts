import { boolean, integer, list, map, object, oneOf, optional, text, type Check, type CrossCheck } from "./check.ts";
import { subnetsOf, type AddressPool } from "./cluster.ts";
import { parseIpAddress } from "./ip-address.ts";
import { formatIpBlock, holdsAddress, overlaps, parseIpBlock, type IpBlock } from "./ip-block.ts";
import { labels, objectName, options } from "./names.ts";
import { assignableIn, byHandIn, keptAddresses } from "./network-addresses.ts";
import { LOCAL_DRIVERS, type LocalNetworking, type NetworkSpec, type SubnetSpec } from "./network.ts";

/** Lengths of a network's subnet. A shorter one would be most of what there is, a longer one hold next to nothing. */
const LENGTHS = { 4: { min: 8, max: 28 }, 6: { min: 48, max: 120 } } as const;
/** What IPv6 asks of every link (RFC 8200, 5), and what every IPv4 host takes (RFC 791). */
const MTU_MIN = { 4: 576, 6: 1_280 } as const;

/** Blocks of which no host has an ordinary address. */
const SPECIAL = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/8", "fe80::/10", "ff00::/8"].flatMap(
  (text) => parseIpBlock(text) ?? [],
);

const TEXT_MAX = 64;
/** Addresses of a subnet that are kept from everybody. */
const AUXILIARY_MAX = 64;
/** The one option of IPAM that means something here: addresses are given one after the other, as they always are. */
const SERIAL = "com.docker.network.ipam.serial";

/** `ADDRESS/LENGTH` of either family, host bits or not. */
export const subnet: Check = (value, path, report) => {
  const fits = typeof value === "string" && value.length <= TEXT_MAX && parseIpBlock(value) !== undefined;
  if (!fits) report(path, "must be ADDRESS/LENGTH, as 10.1.0.0/16 or fd00:1::/64");
};

const ipAddress: Check = (value, path, report) => {
  const fits = typeof value === "string" && value.length <= TEXT_MAX && parseIpAddress(value) !== undefined;
  if (!fits) report(path, "must be an IP address, as 10.1.0.1 or fd00:1::1");
};

const auxiliary: Check = (value, path, report) => {
  const count = typeof value === "object" && value !== null ? Object.keys(value).length : 0;
  if (count > AUXILIARY_MAX) return report(path, `must be at most ${AUXILIARY_MAX} addresses: make the range smaller`);
  map(text({ min: 1, max: 255 }), ipAddress)(value, path, report);
};

const ipamOptions: Check = (value, path, report) => {
  options(value, path, report);
  const serial = typeof value === "object" && value !== null && new Map(Object.entries(value)).get(SERIAL);
  if (typeof serial === "string" && serial !== "true")
    report(`${path}.${SERIAL}`, "must be true: addresses are always given one after the other");
};

export const dataPlane: Check = oneOf(["ports", "overlay"]);

/** What is wrong with a block as the subnet of a network, or as what such subnets are taken from. */
function unfit(text: string): string | undefined {
  const block = parseIpBlock(text);
  if (block === undefined) return "must be ADDRESS/LENGTH";
  const written = parseIpAddress(text.slice(0, text.indexOf("/")));
  if (written?.value !== block.first) return `must not have bits set beyond its length: use ${formatIpBlock(block)}`;
  const { min, max } = LENGTHS[block.family];
  if (block.length < min || block.length > max) return `must have a length from ${min} to ${max}, not ${block.length}`;
  const special = SPECIAL.find((other) => overlaps(block, other));
  return special && `must be of addresses that hosts can have, without ${formatIpBlock(special)}`;
}

const rangeFits = (block: IpBlock, range: IpBlock): boolean =>
  range.family === block.family && range.first >= block.first && range.last <= block.last;

const subnetFits: CrossCheck<SubnetSpec> = (spec, path, report) => {
  const problem = unfit(spec.subnet);
  const block = parseIpBlock(spec.subnet);
  if (problem !== undefined || block === undefined) return report(`${path}.subnet`, problem ?? "must be a subnet");
  const range = spec.range === undefined ? block : parseIpBlock(spec.range);
  if (range === undefined || !rangeFits(block, range)) return report(`${path}.range`, `must lie within ${spec.subnet}`);
  const kept = keptAddresses(block);
  const first = formatIpBlock({ ...block, first: block.last - kept + 1n }).split("/")[0] ?? "";
  const gateway = spec.gateway === undefined ? undefined : parseIpAddress(spec.gateway);
  if (gateway !== undefined) {
    const isFree = holdsAddress(block, gateway) && gateway.value > block.first && gateway.value <= block.last - kept;
    if (!isFree) {
      const rule = `must lie within ${spec.subnet}, above its first address and below ${first}`;
      report(`${path}.gateway`, `${rule}: the last ${kept} addresses are kept for the nodes`);
    }
  }
  const { count } = assignableIn(block, range);
  // The gateway may be the only one.
  if (count < 2) report(`${path}.range`, `must have at least 2 addresses above the first one and below ${first}`);
  auxiliaryFits(spec, path, report);
};

/** Addresses that nobody gets must be ones that somebody could. */
const auxiliaryFits: CrossCheck<SubnetSpec> = ({ subnet, gateway, auxiliary: kept = {} }, path, report) => {
  const block = parseIpBlock(subnet);
  if (block === undefined) return;
  const last = block.last - keptAddresses(block);
  const shared = gateway === undefined ? block.first + 1n : parseIpAddress(gateway)?.value;
  const seen = new Map<bigint, string>();
  for (const [name, address] of Object.entries(kept)) {
    const where = `${path}.auxiliary.${name}`;
    const parsed = parseIpAddress(address);
    if (parsed === undefined) continue;
    const { value } = parsed;
    if (!holdsAddress(block, parsed) || value === block.first || value > last) {
      const beyond = formatIpBlock({ ...block, first: last + 1n }).split("/")[0] ?? "";
      report(
        where,
        `must lie within ${subnet}, above its first address and below ${beyond}, where the nodes' own begin`,
      );
    } else if (value === shared) report(where, `must not be ${address}, the gateway: name another with gateway`);
    else if (seen.has(value)) report(where, `must not be ${address}, which ${seen.get(value) ?? ""} is already`);
    else seen.set(value, name);
  }
};

/** One subnet a family, those of IPv6 only where it is wanted. */
const familiesFit: CrossCheck<NetworkSpec> = ({ subnets = [], ipv6, mtu }, path, report) => {
  const at = (field: string): string => (path === "" ? field : `${path}.${field}`);
  const families = subnets.map((entry) => parseIpBlock(entry.subnet)?.family);
  for (const [number, family] of families.entries()) {
    const where = at(`subnets[${number}].subnet`);
    if (families.indexOf(family) < number)
      report(where, `must not be a second one of IPv${family ?? 4}: name one that is large enough`);
    if (family === 6 && ipv6 !== true) report(where, "must be of IPv4 unless ipv6 is true");
  }
  if (mtu !== undefined && ipv6 === true && mtu < MTU_MIN[6]) {
    report(at("mtu"), `must be at least ${MTU_MIN[6]} with IPv6`);
  }
};

/** Containers connected by hand need addresses of their own, which are the upper half of a subnet. */
const attachableFits: CrossCheck<NetworkSpec> = ({ subnets = [], attachable }, path, report) => {
  if (!attachable) return;
  for (const [number, { subnet, gateway, range }] of subnets.entries()) {
    const where = `${path === "" ? "" : `${path}.`}subnets[${number}]`;
    const block = parseIpBlock(subnet);
    const byHand = block && byHandIn(block);
    if (block === undefined) continue;
    if (byHand === undefined) {
      report(`${where}.subnet`, "must have at least 32 addresses in an attachable network");
      continue;
    }
    const upper = formatIpBlock(byHand).split("/")[0] ?? "";
    const rule = `must be below ${upper} in an attachable network: the upper half is not for tasks`;
    const ownGateway = gateway === undefined ? undefined : parseIpAddress(gateway);
    if (ownGateway !== undefined && ownGateway.value >= byHand.first) report(`${where}.gateway`, rule);
    const { count } = assignableIn(block, range === undefined ? undefined : parseIpBlock(range), byHand);
    if (count < 2) report(`${where}.range`, `must have at least 2 addresses below ${upper} in an attachable network`);
  }
};

/** What means something only where somebody is in the network. */
const ingressFits: CrossCheck<NetworkSpec> = ({ ingress, attachable, internal, mtu }, path, report) => {
  if (ingress !== true) return;
  const at = (field: string): string => (path === "" ? field : `${path}.${field}`);
  if (attachable) report(at("attachable"), "must be false: ingress network cannot be attachable");
  if (internal) report(at("internal"), "must be false for an ingress network: it is for clients outside");
  if (mtu !== undefined)
    report(at("mtu"), "must be left out for an ingress network: published ports go by the networks of their services");
};

/** Settings that only an overlay has, or that each node has of its own. */
const localFits: CrossCheck<NetworkSpec> = (
  { local, ingress, subnets, ipamOptions: told, ipv6, mtu },
  path,
  report,
) => {
  if (local === undefined) return;
  const at = (field: string): string => (path === "" ? field : `${path}.${field}`);
  const { driver } = local;
  if (ingress === true) report(at("ingress"), "must be false: an ingress network is an overlay network");
  const ofNode = `must be left out with driver ${driver}: it is each node's own; make a --config-only network with it on each`;
  if (subnets !== undefined) report(at("subnets"), ofNode);
  if (told !== undefined) report(at("ipamOptions"), ofNode);
  if (ipv6 === true) report(at("ipv6"), ofNode);
  if (mtu !== undefined) report(at("mtu"), ofNode);
};

const poolFits: CrossCheck<AddressPool> = (pool, path, report) => {
  const seen: IpBlock[] = [];
  for (const [at, text] of subnetsOf(pool).entries()) {
    const field = at === 0 ? `${path}.subnet` : `${path}.further[${at - 1}]`;
    const problem = unfit(text);
    const block = parseIpBlock(text);
    if (problem !== undefined || block === undefined) return report(field, problem ?? "must be a subnet");
    if (block.family !== 4) return report(field, "must be of IPv4");
    const other = seen.find((before) => overlaps(before, block));
    if (other !== undefined) return report(field, `must not overlap ${formatIpBlock(other)}`);
    if (pool.subnetLength < block.length) {
      return report(
        `${path}.subnetLength`,
        `must be from ${block.length}, the length of ${text}, to ${LENGTHS[4].max}`,
      );
    }
    seen.push(block);
  }
};

export const addressPool: Check = object<AddressPool>(
  { subnet, further: optional(list(subnet, 15)), subnetLength: integer(LENGTHS[4].min, LENGTHS[4].max) },
  poolFits,
);

export const network: Check = object<NetworkSpec>(
  {
    name: objectName,
    labels,
    attachable: boolean,
    internal: boolean,
    ipv6: optional(boolean),
    subnets: optional(
      list(
        object<SubnetSpec>(
          { subnet, gateway: optional(ipAddress), range: optional(subnet), auxiliary: optional(auxiliary) },
          subnetFits,
        ),
        2,
      ),
    ),
    ipamOptions: optional(ipamOptions),
    ingress: optional(boolean),
    mtu: optional(integer(MTU_MIN[4], 65_465)),
    local: optional(object<LocalNetworking>({ driver: oneOf(LOCAL_DRIVERS), configFrom: optional(objectName) })),
  },
  (spec, path, report) => {
    ingressFits(spec, path, report);
    familiesFit(spec, path, report);
    attachableFits(spec, path, report);
    localFits(spec, path, report);
  },
);
