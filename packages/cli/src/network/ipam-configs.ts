import type { IpamConfig } from "@murmur/api";
import { invalid } from "../argument-error.ts";
import { parseAssignments } from "../units/assignment.ts";

interface AddressFlags {
  readonly subnet: readonly string[];
  readonly gateway: readonly string[];
  readonly ipRange: readonly string[];
  /** Each `NAME=ADDRESS`. */
  readonly auxAddress: readonly string[];
}

const familyOf = (address: string): "IPv4" | "IPv6" => (address.includes(":") ? "IPv6" : "IPv4");

/**
 * Puts gateways and ranges to the subnets of their families, of which there is one each. Whether they fit them is the
 * daemon's to say. Errors: `invalid_argument`.
 */
export function ipamConfigs({ subnet, gateway, ipRange, auxAddress }: AddressFlags): IpamConfig[] {
  const subnets = byFamily("subnet", subnet);
  const gateways = byFamily("gateway", gateway);
  const ranges = byFamily("range", ipRange);
  for (const [what, given] of [["gateway", gateways] as const, ["range", ranges] as const]) {
    for (const [family, address] of given) {
      if (!subnets.has(family)) throw invalid(`no matching subnet for ${what} ${address}: give one with --subnet`);
    }
  }
  const kept = Object.entries(parseAssignments(auxAddress));
  for (const [, address] of kept) {
    if (!subnets.has(familyOf(address)))
      throw invalid(`no matching subnet for aux-address ${address}: give one with --subnet`);
  }
  return [...subnets].map(([family, Subnet]) => {
    const IPRange = ranges.get(family);
    const Gateway = gateways.get(family);
    const own = kept.filter(([, address]) => familyOf(address) === family);
    return {
      Subnet,
      ...(IPRange !== undefined && { IPRange }),
      ...(Gateway !== undefined && { Gateway }),
      ...(own.length > 0 && { AuxiliaryAddresses: Object.fromEntries(own) }),
    };
  });
}

function byFamily(what: string, addresses: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const address of addresses) {
    const family = familyOf(address);
    if (found.has(family)) throw invalid(`${address} is a second ${what} of ${family}: a network has one`);
    found.set(family, address);
  }
  return found;
}
