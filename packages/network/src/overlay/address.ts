import { assert } from "@murmur/base";
import { ipBytes } from "../ip-address.ts";

export type Family = 4 | 6;

/** The family of an address that is known to be one. */
export const familyOf = (address: string): Family => (address.includes(":") ? 6 : 4);

/** The MAC address of whoever has this IPv4 address in a segment: Docker's rule, 02:42 and the four bytes. */
export function macOf(ipv4: string): string {
  const bytes = bytesOf(ipv4);
  assert(bytes.length === 4, "a MAC address is derived from an IPv4 address");
  return [0x02, 0x42, ...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** The IPv4 address that a MAC address was derived from; undefined for one that was not. */
export function ipv4OfMac(mac: string): string | undefined {
  const bytes = mac.split(":").map((byte) => Number.parseInt(byte, 16));
  return mac.startsWith("02:42:") && bytes.length === 6 ? bytes.slice(2).join(".") : undefined;
}

/** An IPv4 address as the number that marks connections and names routing tables: unique, stable, and never reused. */
export const markOf = (ipv4: string): number => bytesOf(ipv4).reduce((mark, byte) => mark * 256 + byte, 0);

/** The address as the kernel's tools print it: for IPv6 the form of RFC 5952. */
export function canonicalAddress(text: string): string {
  const bytes = bytesOf(text);
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, at) => (bytes[at * 2] ?? 0) * 256 + (bytes[at * 2 + 1] ?? 0));
  const { start, length } = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start += 1) {
    let end = start;
    while (groups[end] === 0) end += 1;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}

/** Whether `ADDRESS/LENGTH` holds the address. False for another family, and for a subnet that isn't one. */
export function subnetHolds(subnet: string, address: string): boolean {
  const [base = "", length = ""] = subnet.split("/");
  const [left, right] = [ipBytes(base), ipBytes(address)];
  const bits = /^[0-9]{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (left === undefined || right?.length !== left.length || !(bits <= left.length * 8)) return false;
  return left.every((byte, at) => {
    const kept = Math.min(8, Math.max(0, bits - at * 8));
    const mask = 0xff & (0xff00 >> kept);
    return (byte & mask) === ((right[at] ?? 0) & mask);
  });
}

function bytesOf(text: string): readonly number[] {
  const bytes = ipBytes(text);
  assert(bytes !== undefined, "an address that was checked is one");
  return bytes;
}
