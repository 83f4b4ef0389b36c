import type { NetworkCreate, NetworkResource } from "@murmur/api";

/** A network can't be changed: what the file wants else of one that is there is told, one line each. */
export function networkWarnings(
  wishes: readonly NetworkCreate[],
  there: ReadonlyMap<string, NetworkResource>,
): readonly string[] {
  return wishes.flatMap((wish) => {
    const network = there.get(wish.Name);
    const differing = network === undefined ? [] : differencesOf(wish, network);
    if (differing.length === 0) return [];
    return [
      `network ${wish.Name} stays as it is: ${differing.join(", ")}; a network can't be changed: remove the stack first, or give it another name`,
    ];
  });
}

function differencesOf(wish: NetworkCreate, there: NetworkResource): readonly string[] {
  const pairs: readonly (readonly [string, string, string])[] = [
    ["attachable", String(there.Attachable), String(wish.Attachable === true)],
    ["internal", String(there.Internal), String(wish.Internal === true)],
    ["enable_ipv6", String(there.EnableIPv6), String(wish.EnableIPv6 === true)],
  ];
  const subnets = (there.IPAM.Config ?? []).map(({ Subnet }) => Subnet);
  const asked = (wish.IPAM?.Config ?? []).map(({ Subnet }) => Subnet).filter((subnet) => !subnets.includes(subnet));
  return [
    ...pairs
      .filter(([, before, after]) => before !== after)
      .map(([field, before, after]) => `${field}: ${before} → ${after}`),
    ...asked.map((subnet) => `subnet: ${subnets.join(" ")} → ${subnet}`),
  ];
}
