import {
  nodeGateway,
  nodeShare,
  type NetworkAddress,
  type NetworkAddressing,
  type NetworkEntry,
  type NetworkId,
  type NodeShare,
  type ServiceEndpoints,
} from "@murmur/model";
import type { OverlayView } from "./overlay-view.ts";

/** A network as the engine of this node is to have it. */
export interface LocalNetwork extends NetworkEntry {
  /** What the engine gives addresses of by itself; left out: nothing. */
  readonly share?: NodeShare;
}

/** A network that a node takes part in, and how. */
export interface NeededNetwork extends LocalNetwork {
  readonly addressing: NetworkAddressing;
  /** This node's own gateway in it. */
  readonly gateway: NetworkAddress;
  /** Every node is in it: it lets clients in, or containers can be connected by hand. */
  readonly isEverywhere: boolean;
}

export interface Needs {
  readonly networks: readonly NeededNetwork[];
  /** Why this node can't be in a network that it should be in, a line each. */
  readonly problems: readonly string[];
}

/**
 * The networks that this node needs: those of its own tasks, those that published ports lead to, since every node answers
 * those, and attachable ones, as nobody says before where a container will be. Nothing before it knows its own number.
 */
export function neededNetworks(view: OverlayView): Needs {
  const { self, table, facts, containers } = view;
  const number = facts.nodes.find(({ id }) => id === self)?.number;
  if (number === undefined) return { networks: [], problems: [] };
  const addressed = addressedNetworks(view);
  const published = new Set(table.services.flatMap((service) => publishingNetwork(service, addressed)?.id ?? []));
  const own = new Set([
    ...table.services.flatMap(({ attached = [] }) =>
      attached
        .filter(({ nodeId }) => nodeId === self)
        .flatMap(({ addresses }) => addresses.map(({ networkId }) => networkId)),
    ),
    ...[...containers.values()].flatMap(({ addresses }) => addresses.map(({ networkId }) => networkId)),
  ]);
  const networks: NeededNetwork[] = [];
  const problems: string[] = [];
  for (const network of addressed.values()) {
    const isEverywhere = published.has(network.id) || network.addressing.ipv4.byHand !== undefined;
    if (!isEverywhere && !own.has(network.id)) continue;
    const gateway = nodeGateway(network.addressing, number);
    if (gateway !== undefined) networks.push({ ...localNetwork(network, number), gateway, isEverywhere });
    else problems.push(`network ${network.name} is too small to have a gateway for node number ${String(number)}`);
  }
  return { networks, problems };
}

export type AddressedNetwork = NetworkEntry & { readonly addressing: NetworkAddressing };

/** A network with what is this node's of it. */
export function localNetwork<T extends AddressedNetwork>(network: T, number: number): T & LocalNetwork {
  const share = nodeShare(network.addressing, number);
  return { ...network, ...(share !== undefined && { share }) };
}

export type AddressedNetworks = ReadonlyMap<NetworkId, AddressedNetwork>;

export const addressedNetworks = ({ table }: Pick<OverlayView, "table">): AddressedNetworks =>
  new Map(
    table.networks.flatMap(({ addressing, ...rest }) =>
      addressing === undefined ? [] : [[rest.id, { ...rest, addressing }] as const],
    ),
  );

/** The network that a service's published ports lead to: its first, on every node; undefined when it publishes nothing. */
export function publishingNetwork(
  { published, networks }: ServiceEndpoints,
  addressed: AddressedNetworks,
): AddressedNetwork | undefined {
  if (published.length === 0) return undefined;
  return networks.map(({ networkId }) => addressed.get(networkId)).find((network) => network !== undefined);
}
