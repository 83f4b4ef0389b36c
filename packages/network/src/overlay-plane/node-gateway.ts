import type { NetworkAddress, NetworkAddressing } from "@murmur/model";
import { canonicalAddress } from "../overlay/address.ts";
import { ipBytes } from "../ip-address.ts";

/** The part of a subnet that is kept for the nodes' own gateways: a quarter of it, within these bounds. */
const KEPT = { least: 8, most: 1_024 } as const;

/**
 * A node's own gateway in a network, by the node's number: counted down from the end of the subnet. Undefined when the
 * number doesn't fit into the part that is kept for them.
 */
export function nodeGateway({ ipv4, ipv6 }: NetworkAddressing, number: number): NetworkAddress | undefined {
  const first = countedDown(ipv4.subnet, number);
  if (first === undefined) return undefined;
  if (ipv6 === undefined) return { ipv4: first };
  const second = countedDown(ipv6.subnet, number);
  return second === undefined ? undefined : { ipv4: first, ipv6: second };
}

function countedDown(subnet: string, number: number): string | undefined {
  const [base = "", length = ""] = subnet.split("/");
  const bytes = ipBytes(base);
  if (bytes === undefined || number < 1) return undefined;
  const free = BigInt(bytes.length * 8 - Number(length));
  const size = 1n << free;
  const quarter = size / 4n;
  const kept = quarter < KEPT.least ? BigInt(KEPT.least) : quarter > KEPT.most ? BigInt(KEPT.most) : quarter;
  if (BigInt(number) >= kept || BigInt(number) >= size - 1n) return undefined;
  const start = bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n) & ~(size - 1n);
  return textOf(start + size - 1n - BigInt(number), bytes.length);
}

function textOf(value: bigint, bytes: number): string {
  if (bytes === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".");
  const groups = Array.from({ length: 8 }, (_, at) => (value >> BigInt(112 - at * 16)) & 0xffffn);
  return canonicalAddress(groups.map((group) => group.toString(16)).join(":"));
}
