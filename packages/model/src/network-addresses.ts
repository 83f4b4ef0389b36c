import { assert } from "@murmur/base";
import { formatIpAddress, parseIpAddress } from "./ip-address.ts";
import { parseIpBlock, type IpBlock } from "./ip-block.ts";
import type { NetworkAddress, NetworkAddressing, Subnet } from "./network.ts";

/*
 * How a subnet is divided, here one of 256 addresses:
 *
 *   .0          never given to anybody
 *   .1 – .191   the gateway that all nodes share, and what tasks and services get (of the range, if there is one)
 *   .192 – .255 kept for the nodes' own gateways, counted down from the end: .254 is that of node 1
 */

/** The least and the most addresses that are kept at the end of a subnet: a quarter of it, within these bounds. */
const KEPT = { min: 8n, max: 1_024n } as const;
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

/** The addresses of `subnet`, as far as they are in `range`, that may be given to tasks and services. */
export function assignableIn(subnet: IpBlock, range: IpBlock = subnet): AssignableAddresses {
  const lowest = subnet.first + 1n;
  const highest = subnet.last - keptAddresses(subnet);
  const first = range.first > lowest ? range.first : lowest;
  const last = range.last < highest ? range.last : highest;
  const count = last < first ? 0n : last - first + 1n;
  return { family: subnet.family, first, count: Number(count > ASSIGNABLE_MAX ? ASSIGNABLE_MAX : count) };
}

/** As `assignableIn`, of a subnet in use. */
export function assignableAddresses({ subnet, range }: Subnet): AssignableAddresses {
  return assignableIn(knownBlock(subnet), range === undefined ? undefined : knownBlock(range));
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
