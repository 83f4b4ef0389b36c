import { addressesOverlap, canonicalHostIp } from "@murmur/model";

/** Where a port is opened. */
export interface ListenAt {
  /** An address of the machine; `0.0.0.0` and `::` are all of their family. Left out: all of both. */
  readonly address?: string;
}

/** Every address of the machine; either stands for both families, where the machine has both. */
export const isAnyAddress = (address: string): boolean => address === "0.0.0.0" || address === "::";

/**
 * Where a node that publishes on `publishAddress` opens a port that is bound to `hostIp`; undefined where it doesn't,
 * because the one is no part of the other.
 */
export function listenAt(publishAddress: string, hostIp: string | undefined): ListenAt | undefined {
  if (isAnyAddress(publishAddress)) return hostIp === undefined ? {} : { address: hostIp };
  const own = canonicalHostIp(publishAddress) ?? publishAddress;
  return addressesOverlap(hostIp, own) ? { address: publishAddress } : undefined;
}

/** Whether a port could not be opened because its address isn't one of this machine. */
export const isElsewhere = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "EADDRNOTAVAIL";
