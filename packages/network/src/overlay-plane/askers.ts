import type { NodeId } from "@murmur/base";
import type { EndpointTable, TaskId } from "@murmur/model";
import type { AskerPlace, Askers } from "../dns/cluster-names.ts";
import { addressesIn } from "../overlay/address.ts";
import type { LocalNetwork } from "./needed-networks.ts";
import type { AttachedContainer } from "./overlay-view.ts";

/** A task's addresses, and the servers that its spec names (`IP`). */
export interface OwnServers {
  readonly addresses: AttachedContainer["addresses"];
  readonly servers: readonly string[];
}

interface Here {
  readonly containers: ReadonlyMap<TaskId, AttachedContainer>;
  /** Known before its container is: a process may ask for a name as the first thing that it does. */
  readonly ownServers?: ReadonlyMap<TaskId, OwnServers>;
  readonly networks: readonly LocalNetwork[];
}

/**
 * This node's containers by each of their addresses: tasks' networks, in the order of the task's, and their stack; and
 * whoever may be connected by hand, by the node's shares.
 */
export function askersOf(
  self: NodeId,
  table: EndpointTable | undefined,
  { containers, ownServers, networks }: Here,
): Askers {
  const askers = new Map<string, AskerPlace>();
  const know = (addresses: AttachedContainer["addresses"], stack: string | undefined): void => {
    const place = { networks: addresses.map(({ networkId }) => networkId), ...(stack !== undefined && { stack }) };
    for (const { ipv4, ipv6 } of addresses) {
      askers.set(ipv4, place);
      if (ipv6 !== undefined) askers.set(ipv6, place);
    }
  };
  for (const { id, share } of networks) {
    const place = { networks: [id], isByHand: true } as const;
    for (const range of [share?.ipv4, share?.ipv6])
      for (const address of range === undefined ? [] : addressesIn(range)) askers.set(address, place);
  }
  const stacks = new Map<TaskId, string | undefined>();
  for (const { attached = [], stack } of table?.services ?? []) {
    for (const { taskId, nodeId, addresses } of attached) {
      if (nodeId !== self) continue;
      stacks.set(taskId, stack);
      know(addresses, stack);
    }
  }
  for (const [taskId, { addresses }] of containers) know(addresses, stacks.get(taskId));
  for (const { addresses, servers } of ownServers?.values() ?? []) {
    const own = { networks: addresses.map(({ networkId }) => networkId) };
    for (const { ipv4, ipv6 } of addresses)
      for (const address of ipv6 === undefined ? [ipv4] : [ipv4, ipv6])
        askers.set(address, { ...(askers.get(address) ?? own), servers });
  }
  return askers;
}
