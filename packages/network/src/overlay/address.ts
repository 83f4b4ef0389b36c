import { assert } from "@murmur/base";
import {
  formatIpAddress,
  formatIpBlock,
  holdsAddress,
  parseIpAddress,
  parseIpBlock,
  type IpAddress,
} from "@murmur/model";
import { ipBytes } from "../ip-address.ts";

export type Family = 4 | 6;

/** The family of an address that is known to be one. */
export const familyOf = (address: string): Family => (address.includes(":") ? 6 : 4);

/** The MAC address of whoever has this IPv4 address in a segment: Docker's rule, 02:42 and the four bytes. */
export function macOf(ipv4: string): string {
  const bytes = ipBytes(ipv4);
  assert(bytes?.length === 4, "a MAC address is derived from an IPv4 address");
  return [0x02, 0x42, ...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** The IPv4 address that a MAC address was derived from; undefined for one that was not. */
export function ipv4OfMac(mac: string): string | undefined {
  const bytes = mac.split(":").map((byte) => Number.parseInt(byte, 16));
  return mac.startsWith("02:42:") && bytes.length === 6 ? bytes.slice(2).join(".") : undefined;
}

/** An IPv4 address as the number that marks connections and names routing tables: unique, stable, and never reused. */
export const markOf = (ipv4: string): number => Number(known(ipv4).value);

/** The address as the kernel's tools print it: for IPv6 the form of RFC 5952; for IPv4 there is only one. */
export const canonicalAddress = (text: string): string => (familyOf(text) === 4 ? text : formatIpAddress(known(text)));

/** A subnet as the kernel's tools print it: its first address, and the length of the prefix. */
export function canonicalSubnet(text: string): string {
  const block = parseIpBlock(text);
  assert(block !== undefined, "a subnet that was checked is one");
  return formatIpBlock(block);
}

/** Whether `ADDRESS/LENGTH` holds the address. False for another family, and for a subnet that isn't one. */
export function subnetHolds(subnet: string, address: string): boolean {
  const [block, ip] = [parseIpBlock(subnet), parseIpAddress(address)];
  return block !== undefined && ip !== undefined && holdsAddress(block, ip);
}

/** All addresses of `ADDRESS/LENGTH`, lowest first. For small ones. */
export function addressesIn(subnet: string): readonly string[] {
  const block = parseIpBlock(subnet);
  if (block === undefined) return [];
  const { family, first, last } = block;
  return Array.from({ length: Number(last - first) + 1 }, (_, at) =>
    formatIpAddress({ family, value: first + BigInt(at) }),
  );
}

function known(text: string): IpAddress {
  const address = parseIpAddress(text);
  assert(address !== undefined, "an address that was checked is one");
  return address;
}
