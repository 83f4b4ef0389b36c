import type { NodeId } from "@murmur/base";
import type { EndpointTable, NetworkId, TaskId } from "@murmur/model";
import type { AskerNetworks } from "../dns/cluster-names.ts";
import type { AttachedContainer } from "./overlay-view.ts";

/** The networks of this node's containers, by each of their addresses; in the order of the task's. */
export function askersOf(
  self: NodeId,
  table: EndpointTable | undefined,
  containers: ReadonlyMap<TaskId, AttachedContainer>,
): AskerNetworks {
  const askers = new Map<string, readonly NetworkId[]>();
  const know = (addresses: AttachedContainer["addresses"]): void => {
    const networks = addresses.map(({ networkId }) => networkId);
    for (const { ipv4, ipv6 } of addresses) {
      askers.set(ipv4, networks);
      if (ipv6 !== undefined) askers.set(ipv6, networks);
    }
  };
  for (const { attached = [] } of table?.services ?? []) {
    for (const { nodeId, addresses } of attached) if (nodeId === self) know(addresses);
  }
  for (const { addresses } of containers.values()) know(addresses);
  return askers;
}
