import { assert } from "@murmur/base";
import { formatIpAddress, parseIpAddress } from "./ip-address.ts";
import { formatIpBlock, parseIpBlock, type IpBlock } from "./ip-block.ts";
import type { NetworkAddress, NetworkAddressing, Subnet } from "./network.ts";

/*
 * How a subnet is divided, here one of 256 addresses:
 *
 *   .0          never given to anybody
 *   .1 – .191   the gateway that all nodes share, and what tasks and services get (of the range, if there is one)
 *   .192 – .255 kept for the nodes' own gateways, counted down from the end: .254 is that of node 1
 *
 * and one of an attachable network:
 *
 *   .1 – .127   the shared gateway, tasks and services
 *   .128 – .191 containers connected by hand, in shares: .128 – .135 are for those of node 1
 */

/** The least and the most addresses that are kept at the end of a subnet: a quarter of it, within these bounds. */
const KEPT = { min: 8n, max: 1_024n } as const;
/** The most addresses of a subnet that are kept for containers connected by hand, and those of one node's share. */
const BY_HAND = { max: 4_096n, share: { min: 8n, max: 32n, nodes: 64n } } as const;
/** The most addresses that are given out of one subnet: more than services and tasks there can be. */
const ASSIGNABLE_MAX = 1n << 24n;

/** Addresses of a subnet that tasks and services may get, the shared gateway among them when it lies there. */
export interface AssignableAddresses {
  readonly family: 4 | 6;
  readonly first: bigint;
  /** May be 0. */
  readonly count: number;
}

/** How many addresses at the end of a subnet are the nodes'. */
export function keptAddresses({ first, last }: IpBlock): bigint {
  const quarter = (last - first + 1n) / 4n;
  return quarter < KEPT.min ? KEPT.min : quarter > KEPT.max ? KEPT.max : quarter;
}

/**
 * The part of an attachable network's subnet that is for containers connected by hand: of its upper half a half, at most
 * 4,096 addresses. Undefined for a subnet that is too small.
 */
export function byHandIn({ family, first, last, length }: IpBlock): IpBlock | undefined {
  const size = last - first + 1n;
  if (size < 4n * KEPT.min) return undefined;
  const part = size / 4n < BY_HAND.max ? size / 4n : BY_HAND.max;
  const start = first + size / 2n;
  const bits = size / part;
  return { family, first: start, last: start + part - 1n, length: length + bits.toString(2).length - 1 };
}

/** The addresses of `subnet`, as far as they are in `range`, that may be given to tasks and services; `byHand` may not. */
export function assignableIn(subnet: IpBlock, range: IpBlock = subnet, byHand?: IpBlock): AssignableAddresses {
  const lowest = subnet.first + 1n;
  const highest = byHand === undefined ? subnet.last - keptAddresses(subnet) : byHand.first - 1n;
  const first = range.first > lowest ? range.first : lowest;
  const last = range.last < highest ? range.last : highest;
  const count = last < first ? 0n : last - first + 1n;
  return { family: subnet.family, first, count: Number(count > ASSIGNABLE_MAX ? ASSIGNABLE_MAX : count) };
}

/** As `assignableIn`, of a subnet in use. */
export function assignableAddresses({ subnet, range, byHand }: Subnet): AssignableAddresses {
  const blockOf = (text: string | undefined): IpBlock | undefined =>
    text === undefined ? undefined : knownBlock(text);
  return assignableIn(knownBlock(subnet), blockOf(range), blockOf(byHand));
}

/** A node's share of an attachable network: ranges (`ADDRESS/LENGTH`) that its engine gives addresses of by itself. */
export interface NodeShare {
  readonly ipv4: string;
  readonly ipv6?: string;
}

/**
 * The addresses of containers that are connected by hand on a node: from 8 of a small subnet to 32. Undefined in a network
 * that isn't attachable, and for a number so high that there are none left.
 *
 * Invariant: in one network, no two numbers have an address in common, and none that anybody else may have. So nobody has
 * to know which of them are in use.
 */
export function nodeShare({ ipv4, ipv6 }: NetworkAddressing, number: number): NodeShare | undefined {
  const [four, six] = [shareOf(ipv4, number), ipv6 && shareOf(ipv6, number)];
  if (four === undefined || (ipv6 !== undefined && six === undefined)) return undefined;
  return { ipv4: formatIpBlock(four), ...(six && { ipv6: formatIpBlock(six) }) };
}

function shareOf({ byHand }: Subnet, number: number): IpBlock | undefined {
  assert(Number.isSafeInteger(number) && number >= 1, "nodes are numbered from 1 on");
  if (byHand === undefined) return undefined;
  const { family, first, last } = knownBlock(byHand);
  const { min, max, nodes } = BY_HAND.share;
  const wished = (last - first + 1n) / nodes;
  const size = wished < min ? min : wished > max ? max : wished;
  const start = first + BigInt(number - 1) * size;
  const length = (family === 4 ? 32 : 128) - (size.toString(2).length - 1);
  return start + size - 1n > last ? undefined : { family, first: start, last: start + size - 1n, length };
}

/**
 * A node's own gateway in a network: how its published ports' connections find their way back. Undefined when the
 * network has none for a number that high; the node can't take the network's tasks then.
 *
 * Invariant: in one network, no two numbers have an address in common, and none that may be given to a task.
 */
export function nodeGateway(addressing: NetworkAddressing, number: number): NetworkAddress | undefined {
  assert(Number.isSafeInteger(number) && number >= 1, "nodes are numbered from 1 on");
  if (number > nodesMax(addressing)) return undefined;
  const { ipv4, ipv6 } = addressing;
  return { ipv4: countedDown(ipv4, number), ...(ipv6 && { ipv6: countedDown(ipv6, number) }) };
}

/** The highest number of a node that has a gateway in a network: in the larger ones 1,023. */
export function nodesMax({ ipv4, ipv6 }: NetworkAddressing): number {
  const kept = [ipv4, ipv6].flatMap((used) => (used ? Number(keptAddresses(knownBlock(used.subnet))) : []));
  // The last address, which in IPv4 is the broadcast address, is no node's.
  return Math.min(...kept) - 1;
}

function countedDown({ subnet }: Subnet, number: number): string {
  const { family, last } = knownBlock(subnet);
  return formatIpAddress({ family, value: last - BigInt(number) });
}

/** A block that was checked when it came into the state. */
export function knownBlock(text: string): IpBlock {
  const block = parseIpBlock(text);
  assert(block !== undefined, "a subnet in use is one");
  return block;
}

/** An address that was checked when it came into the state. */
export function knownAddress(text: string): bigint {
  const address = parseIpAddress(text);
  assert(address !== undefined, "an address in use is one");
  return address.value;
}
