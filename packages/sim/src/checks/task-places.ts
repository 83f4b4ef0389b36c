import { isAssigned, isTerminal, type NetworkAddress, type NetworkId, type Service, type Task } from "@murmur/model";
import type { View } from "@murmur/store";

/** A task's addresses in a network; undefined where it isn't in it. */
export const placeIn = (task: Task, networkId: NetworkId): NetworkAddress | undefined =>
  task.addresses?.[task.networks.findIndex((joined) => joined.networkId === networkId)];

/** The addresses of one thing, of both families; none of nothing. */
export const textsOf = (at: NetworkAddress | undefined): readonly string[] =>
  at === undefined ? [] : at.ipv6 === undefined ? [at.ipv4] : [at.ipv4, at.ipv6];

export const familyOf = (address: string): 4 | 6 => (address.includes(":") ? 6 : 4);

export const hasAddresses = ({ nodeId, status }: Task): boolean =>
  nodeId !== undefined && isAssigned(status.state) && !isTerminal(status.state);

/** Running, wanted, and on a node that isn't down; what else is sick has no health check here. */
export function takersOf(view: View, service: Service): readonly Task[] {
  return view.tasksOfService(service.id).filter(({ desiredState, status, nodeId }) => {
    const node = nodeId === undefined ? undefined : view.node(nodeId);
    const isWell = status.health === undefined || status.health === "none" || status.health === "healthy";
    return desiredState === "running" && status.state === "running" && isWell && node?.status.state !== "down";
  });
}
