import { networkId, type NetworkId } from "./ids.ts";

/** Networks that every node has of itself: its own namespace, its engine's bridge, and nothing but a loopback. */
export type NodeNetworkName = "host" | "bridge" | "none";

/**
 * A network of each node that a service can be in as if it were the cluster's. It is in no state and has no addresses: the
 * engine has made it, and no traffic of the cluster finds who is in it.
 */
export interface NodeNetwork {
  /** The same in every cluster. */
  readonly id: NetworkId;
  readonly name: NodeNetworkName;
  /** The engine's word for what it is made with. */
  readonly driver: string;
}

export const NODE_NETWORKS: readonly NodeNetwork[] = [
  { id: networkId("murmur0node0net0host00000"), name: "host", driver: "host" },
  { id: networkId("murmur0node0net0bridge000"), name: "bridge", driver: "bridge" },
  { id: networkId("murmur0node0net0none00000"), name: "none", driver: "null" },
];

/** By its whole id or name. */
export const findNodeNetwork = (text: string): NodeNetwork | undefined =>
  NODE_NETWORKS.find(({ id, name }) => id === text || name === text);

/**
 * The network of its node that a task made from a spec is in; undefined: it is in networks of the cluster. A checked spec
 * names no other beside it.
 */
export function nodeNetworkOf(spec: {
  readonly networks: readonly { readonly target: NetworkId }[];
}): NodeNetwork | undefined {
  const target = spec.networks[0]?.target;
  return target === undefined ? undefined : NODE_NETWORKS.find(({ id }) => id === target);
}
