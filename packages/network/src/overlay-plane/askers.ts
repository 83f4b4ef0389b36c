import type { NodeId } from "@murmur/base";
import type { Scope } from "@murmur/discovery";
import type { EndpointTable, TaskId } from "@murmur/model";
import type { Askers } from "../dns/cluster-names.ts";
import type { AttachedContainer } from "./overlay-view.ts";

/** The networks of this node's containers, in the order of the task's, and their stack; by each of their addresses. */
export function askersOf(
  self: NodeId,
  table: EndpointTable | undefined,
  containers: ReadonlyMap<TaskId, AttachedContainer>,
): Askers {
  const askers = new Map<string, NonNullable<Scope>>();
  const know = (addresses: AttachedContainer["addresses"], stack: string | undefined): void => {
    const scope = { networks: addresses.map(({ networkId }) => networkId), ...(stack !== undefined && { stack }) };
    for (const { ipv4, ipv6 } of addresses) {
      askers.set(ipv4, scope);
      if (ipv6 !== undefined) askers.set(ipv6, scope);
    }
  };
  const stacks = new Map<TaskId, string | undefined>();
  for (const { attached = [], stack } of table?.services ?? []) {
    for (const { taskId, nodeId, addresses } of attached) {
      if (nodeId !== self) continue;
      stacks.set(taskId, stack);
      know(addresses, stack);
    }
  }
  for (const [taskId, { addresses }] of containers) know(addresses, stacks.get(taskId));
  return askers;
}
