import { formatIpAddress, parseIpAddress } from "@murmur/model";

const IPV4 = /^((?:[0-9]{1,3}\.){4})in-addr\.arpa$/;
const IPV6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/;

/**
 * The address, in its one form, that a PTR question is about (RFC 1035, 3.5; RFC 3596, 2.5). `name` is in lower case.
 * Undefined for any other name.
 */
export function addressOfReverse(name: string): string | undefined {
  const labels = (IPV4.exec(name) ?? IPV6.exec(name))?.[1]?.split(".").slice(0, -1).toReversed();
  if (labels === undefined) return undefined;
  return canonicalAddress(labels.length === 4 ? labels.join(".") : labels.join("").replaceAll(/.{4}(?=.)/g, "$&:"));
}

/** The one form of an address, however it is written; undefined for what is no IP address. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseIpAddress(text);
  return address && formatIpAddress(address);
}

/** Which record holds an address; undefined for what is no IP address. */
export function addressType(text: string): "A" | "AAAA" | undefined {
  const family = parseIpAddress(text)?.family;
  if (family === undefined) return undefined;
  return family === 4 ? "A" : "AAAA";
}
