import type { Millis } from "@murmur/base";
import { networkId, type Index, type NetworkId } from "./ids.ts";

/** How traffic travels between nodes; the same on all nodes of a cluster, from its first entry on. */
export type DataPlaneKind = "ports" | "overlay";

/** A subnet that a user asks for. Addresses are texts, ranges `ADDRESS/LENGTH`. */
export interface SubnetSpec {
  readonly subnet: string;
  /** Left out: the first address of the subnet. */
  readonly gateway?: string;
  /** The part of the subnet that tasks' and services' addresses are taken from; left out: all of it. */
  readonly range?: string;
  /** Addresses of the subnet that nobody gets, by names that mean something to the user alone. */
  readonly auxiliary?: Readonly<Record<string, string>>;
}

/** Drivers of networks that each node's engine has of its own. */
export const LOCAL_DRIVERS = ["bridge", "ipvlan", "macvlan"] as const;
export type LocalDriver = (typeof LOCAL_DRIVERS)[number];

/** What a node's engine makes its own network with. */
export interface LocalNetworking {
  readonly driver: LocalDriver;
  /** The engine's network of each node that has the settings there; left out: the driver's own. */
  readonly configFrom?: string;
}

export interface NetworkSpec {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly attachable: boolean;
  /** No way out of it but to its own members. */
  readonly internal: boolean;
  /** IPv6 addresses beside the IPv4 ones. */
  readonly ipv6?: boolean;
  /** At most one of each family. A family that is left out gets a subnet of the cluster's pool. */
  readonly subnets?: readonly SubnetSpec[];
  /** What Docker's IPAM driver is told: kept and shown. Never empty. */
  readonly ipamOptions?: Readonly<Record<string, string>>;
  /**
   * Not for services to be in: while there is one, services may publish ports in mode `ingress`. Nothing has an address in
   * it, as every node answers on published ports without it; its subnet is kept from others.
   */
  readonly ingress?: boolean;
  /** Bytes of an IP packet inside; left out: what fits into the underlay's 1,500. */
  readonly mtu?: number;
  /**
   * A network of this name that each node with tasks in it has of its own: the cluster gives no addresses in it, and finds
   * nobody there. Left out: one overlay network over all nodes.
   */
  readonly local?: LocalNetworking;
}

/** A subnet in use: as `SubnetSpec`, with nothing left open but `range` and `auxiliary`. */
export interface Subnet {
  readonly subnet: string;
  readonly gateway: string;
  readonly range?: string;
  readonly auxiliary?: Readonly<Record<string, string>>;
  /** Of an attachable network: the part for containers that are connected by hand, divided among the nodes. */
  readonly byHand?: string;
}

/** What the cluster gave to a network of an `overlay` cluster. */
export interface NetworkAddressing {
  /** VXLAN network identifier, unlike that of any other network. */
  readonly vni: number;
  readonly ipv4: Subnet;
  readonly ipv6?: Subnet;
}

export interface Network {
  readonly id: NetworkId;
  readonly spec: NetworkSpec;
  /** Only in a cluster of the `overlay` plane. */
  readonly addressing?: NetworkAddressing;
  /**
   * Set when the user removed it while tasks that have to stop were in it: the record, and with it the subnet, goes with the
   * last of them; the name is free at once.
   */
  readonly removing?: true;
  readonly createdAt: Millis;
  readonly version: Index;
}

/** The addresses of one thing in one network. */
export interface NetworkAddress {
  readonly ipv4: string;
  readonly ipv6?: string;
}

/** The network of services that name none; there from the cluster's first entry on. */
export const DEFAULT_NETWORK_NAME = "default";

/** The ingress network that every cluster has from its beginning until somebody removes it; it is in no table. */
export const FIRST_INGRESS = { id: networkId("murmur0ingress0network000"), name: "ingress" } as const;

/** As many characters of a network's id as the names of its engine network and its bridge have. */
export const ENGINE_ID_PART = 12;

/** What a node's engine calls its own side of a network of the cluster. */
export const engineNetworkName = ({ id, name }: { readonly id: NetworkId; readonly name: string }): string =>
  `murmur.${name}.${id.slice(0, ENGINE_ID_PART)}`;

/** The zone of the cluster's names. */
export const DNS_ZONE = "murmur.internal";
