import type { Network, NetworkAddress, NetworkId } from "@murmur/model";

/** Finds a network by its id. */
export type NetworkOf = (id: NetworkId) => Network | undefined;

/** Addresses in a network as Docker writes them: each with the length of its subnet. */
export function withLengths(addresses: Partial<NetworkAddress>, network: Network | undefined): string[] {
  const { ipv4, ipv6 } = addresses;
  const { addressing } = network ?? {};
  return [
    ...(ipv4 === undefined ? [] : [ipv4 + lengthOf(addressing?.ipv4.subnet)]),
    ...(ipv6 === undefined ? [] : [ipv6 + lengthOf(addressing?.ipv6?.subnet)]),
  ];
}

const lengthOf = (subnet = ""): string => subnet.slice(Math.max(subnet.indexOf("/"), 0));
