import { ClusterError } from "@murmur/base";
import { DEFAULT_ADDRESS_POOL, overlaps, parseIpBlock, subnetsOf, type AddressPool, type Network } from "@murmur/model";

/** Pools to name to a user whose host is in the way of the one that they would get. */
const OTHER_POOLS = [
  "10.64.0.0/10",
  "10.128.0.0/10",
  "10.192.0.0/10",
  "10.0.0.0/10",
  "172.16.0.0/12",
  "192.168.0.0/16",
];

/**
 * Refuses a pool that a host of the cluster has addresses in or routes to: what goes to a network of it would not go there
 * any more. Errors: `failed_precondition`.
 */
export function refusePoolInUse(pool: AddressPool = DEFAULT_ADDRESS_POOL, hostSubnets: readonly string[]): void {
  for (const subnet of subnetsOf(pool)) refuseSubnetInUse(subnet, hostSubnets);
}

function refuseSubnetInUse(subnet: string, hostSubnets: readonly string[]): void {
  const clash = firstOverlap(subnet, hostSubnets);
  if (clash === undefined) return;
  const free = OTHER_POOLS.find((pool) => firstOverlap(pool, hostSubnets) === undefined);
  const example = free === undefined ? "" : `, as ${free}`;
  throw new ClusterError(
    "failed_precondition",
    `this host has addresses in ${clash}, or a route to it, which overlaps ${subnet}, where the networks' subnets come from: name another pool with --default-addr-pool${example}`,
  );
}

/** Refuses a host that has addresses in a network of the cluster, or routes to it. Errors: `failed_precondition`. */
export function refuseNetworksInUse(networks: readonly Network[], hostSubnets: readonly string[]): void {
  for (const { spec, addressing } of networks) {
    for (const used of [addressing?.ipv4, addressing?.ipv6]) {
      const clash = used && firstOverlap(used.subnet, hostSubnets);
      if (used === undefined || clash === undefined) continue;
      throw new ClusterError(
        "failed_precondition",
        `the joining host has addresses in ${clash}, or a route to it, which overlaps ${used.subnet} of the cluster's network ${spec.name}: renumber one of the two (a cluster's networks come from its pool, cluster init --default-addr-pool)`,
      );
    }
  }
}

function firstOverlap(subnet: string, others: readonly string[]): string | undefined {
  const block = parseIpBlock(subnet);
  return others.find((text) => {
    const other = parseIpBlock(text);
    return block !== undefined && other !== undefined && overlaps(block, other);
  });
}
