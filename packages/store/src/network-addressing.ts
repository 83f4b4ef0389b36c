import {
  byHandIn,
  DEFAULT_ADDRESS_POOL,
  formatIpAddress,
  formatIpBlock,
  hostOf,
  knownBlock,
  overlaps,
  parseIpAddress,
  parseIpBlock,
  subnetsOf,
  type Cluster,
  type IpBlock,
  type Network,
  type NetworkAddressing,
  type NetworkId,
  type NetworkSpec,
  type Subnet,
  type SubnetSpec,
} from "@murmur/model";
import { hashOf } from "./digest.ts";
import { refused, type Refusal } from "./result.ts";
import { nameOfNode, type State } from "./state.ts";

/** VNIs below are left to others who use VXLAN on the same hosts: they begin to count low. */
const VNI = { first: 4_097, last: 0xff_ffff } as const;

/** A block that no new network may overlap. */
interface Obstacle {
  readonly block: IpBlock;
  /** What it is, after "overlaps". */
  readonly what: string;
}

/** Gives a new network what it needs of the cluster: a VNI, and a subnet for each family. */
export function addressingFor(
  state: State,
  cluster: Pick<Cluster, "id" | "addressPool">,
  { id, spec }: Pick<Network, "id" | "spec">,
): NetworkAddressing | Refusal {
  const obstacles = obstaclesOf(state);
  const ipv4 = subnetFor({ spec, obstacles, family: 4 }, () => fromPool(cluster, obstacles));
  if ("ok" in ipv4) return ipv4;
  const vni = freeVni(state);
  if (spec.ipv6 !== true) return { vni, ipv4 };
  const ipv6 = subnetFor({ spec, obstacles, family: 6 }, () => uniqueLocal(cluster, id, obstacles));
  return "ok" in ipv6 ? ipv6 : { vni, ipv4, ipv6 };
}

interface Wanted {
  readonly spec: NetworkSpec;
  readonly obstacles: readonly Obstacle[];
  readonly family: 4 | 6;
}

/** The subnet that the user names for a family, if nothing is in its way, else what `choose` finds. */
function subnetFor({ spec, obstacles, family }: Wanted, choose: () => IpBlock | Refusal): Subnet | Refusal {
  const named = spec.subnets?.find(({ subnet }) => knownBlock(subnet).family === family);
  const { attachable } = spec;
  if (named === undefined) {
    const block = choose();
    if ("ok" in block) return block;
    if (!attachable || byHandIn(block) !== undefined) return subnetOf(block, { attachable });
    const small = `subnets of the cluster's pool are too small for an attachable network`;
    return refused("failed_precondition", `${small}: name one of at least 32 addresses`);
  }
  const block = knownBlock(named.subnet);
  const obstacle = obstacles.find((other) => overlaps(other.block, block));
  if (obstacle === undefined) return subnetOf(block, { ...named, attachable });
  const { what } = obstacle;
  return refused("in_use", `subnet ${formatIpBlock(block)} overlaps ${what}; choose another, or leave it out`);
}

/** All texts in the one form that each has. */
function subnetOf(
  block: IpBlock,
  { gateway, range, auxiliary, attachable }: Omit<SubnetSpec, "subnet"> & Pick<NetworkSpec, "attachable">,
): Subnet {
  const given = gateway === undefined ? undefined : parseIpAddress(gateway);
  const byHand = attachable ? byHandIn(block) : undefined;
  return {
    subnet: formatIpBlock(block),
    gateway: formatIpAddress(given ?? { family: block.family, value: block.first + 1n }),
    ...(range !== undefined && { range: formatIpBlock(knownBlock(range)) }),
    ...(auxiliary !== undefined && { auxiliary }),
    ...(byHand !== undefined && { byHand: formatIpBlock(byHand) }),
  };
}

function obstaclesOf(state: State): readonly Obstacle[] {
  // Most hosts have the same subnets, as that of Docker's own bridge: each is looked at once.
  const found = new Map<string, Obstacle>();
  const add = (text: string, what: string): void => {
    const block = found.has(text) ? undefined : parseIpBlock(text);
    if (block !== undefined) found.set(text, { block, what });
  };
  for (const { spec, addressing, removing } of state.networks()) {
    const until = removing === true ? ", which is there until its last tasks have stopped" : "";
    for (const used of [addressing?.ipv4, addressing?.ipv6]) {
      if (used !== undefined) add(used.subnet, `${used.subnet} of network ${spec.name}${until}`);
    }
  }
  for (const node of state.nodes()) {
    const host = hostOf(node);
    add(host.includes(":") ? `${host}/128` : `${host}/32`, `${host}, the address of node ${nameOfNode(node)}`);
    for (const text of node.description?.subnets ?? []) add(text, `${text}, a subnet of node ${nameOfNode(node)}`);
  }
  return [...found.values()];
}

/** The first subnet of the cluster's pools that overlaps nothing. */
function fromPool(
  { addressPool = DEFAULT_ADDRESS_POOL }: Pick<Cluster, "addressPool">,
  obstacles: readonly Obstacle[],
): IpBlock | Refusal {
  const { subnetLength } = addressPool;
  const pools = subnetsOf(addressPool).map((text) => knownBlock(text));
  for (const pool of pools) {
    const found = freeBlock(pool, subnetLength, obstacles);
    if (found !== undefined) return found;
  }
  const left = `no subnet of length ${subnetLength} is left in ${pools.map(formatIpBlock).join(", ")}`;
  return refused("overloaded", `address pool exhausted: ${left}; remove networks, or name a subnet`);
}

/**
 * A /64 of unique local addresses (RFC 4193): the 40 bits that are to be random follow from the cluster's id, the 16
 * that count its subnets from the network's.
 */
function uniqueLocal(
  { id }: Pick<Cluster, "id">,
  network: NetworkId,
  obstacles: readonly Obstacle[],
): IpBlock | Refusal {
  const globalId = (BigInt(hashOf(id, 1)) << 8n) | BigInt(hashOf(id, 2) & 0xff);
  const first = (0xfdn << 120n) | (globalId << 80n);
  const last = first | ((1n << 80n) - 1n);
  const start = first | (BigInt(hashOf(network, 3) & 0xffff) << 64n);
  const found =
    freeBlock({ family: 6, first: start, last }, 64, obstacles) ?? freeBlock({ family: 6, first, last }, 64, obstacles);
  if (found !== undefined) return found;
  const where = formatIpBlock({ family: 6, first, last, length: 48 });
  return refused("overloaded", `address pool exhausted: no subnet is left in ${where}; name a subnet of IPv6`);
}

/** The first block of a length, within others, that overlaps nothing. `first` is the beginning of one. */
function freeBlock(
  { family, first, last }: Omit<IpBlock, "length">,
  length: number,
  obstacles: readonly Obstacle[],
): IpBlock | undefined {
  const size = 1n << BigInt((family === 4 ? 32 : 128) - length);
  const inTheWay = obstacles
    .map(({ block }) => block)
    .filter((block) => block.family === family)
    .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  let start = first;
  // Invariant: nothing looked at so far overlaps what begins at `start`, or lies beyond it.
  for (const block of inTheWay) {
    if (block.first >= start + size) break;
    if (block.last >= start) start = ((block.last - first) / size + 1n) * size + first;
  }
  return start + size - 1n > last ? undefined : { family, first: start, last: start + size - 1n, length };
}

function freeVni(state: State): number {
  const used = new Set(state.networks().map(({ addressing }) => addressing?.vni));
  let vni: number = VNI.first;
  // There are fewer networks than VNIs, so one is free.
  while (used.has(vni) && vni < VNI.last) vni += 1;
  return vni;
}
