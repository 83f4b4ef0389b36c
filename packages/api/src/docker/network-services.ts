import { hostOf, isAssigned, isTerminal, taskName, type NetworkId, type Task } from "@murmur/model";
import { hostnameOf, type View } from "@murmur/store";
import type { NetworkPeer, NetworkService } from "./network-types.ts";

/** The services of a network and their running tasks, by the services' names. As in Docker no ports: those are the ingress network's. */
export function networkServices(id: NetworkId, view: View): Record<string, NetworkService> {
  const found: Record<string, NetworkService> = {};
  for (const service of view.services()) {
    if (service.removing === true) continue;
    const vip = service.vips?.find(({ networkId }) => networkId === id);
    const Tasks = view.tasksOfService(service.id).flatMap((task) => {
      const node = task.nodeId === undefined ? undefined : view.node(task.nodeId);
      return shownTask(id, task, task.status.address ?? (node && hostOf(node)));
    });
    if (Tasks.length === 0 && vip === undefined) continue;
    found[service.spec.name] = { VIP: vip?.ipv4 ?? "", Ports: [], LocalLBIndex: 0, Tasks };
  }
  return found;
}

function shownTask(id: NetworkId, task: Task, host: string | undefined): NetworkService["Tasks"] {
  const at = task.networks.findIndex(({ networkId }) => networkId === id);
  if (at < 0 || task.status.state !== "running") return [];
  return [
    {
      Name: taskName(task),
      EndpointID: task.id,
      // Without addresses of their own tasks are reached at their node's.
      EndpointIP: task.addresses?.[at]?.ipv4 ?? host ?? "",
      Info: host === undefined ? {} : { "Host IP": host },
    },
  ];
}

/** The nodes that have tasks of a network, with the addresses that they reach each other at. */
export function networkPeers(id: NetworkId, view: View): NetworkPeer[] {
  const isIn = ({ status: { state }, networks }: Task): boolean =>
    isAssigned(state) && !isTerminal(state) && networks.some(({ networkId }) => networkId === id);
  return view
    .nodes()
    .filter((node) => view.tasksOfNode(node.id).some(isIn))
    .map((node) => ({ Name: node.spec.name ?? hostnameOf(node) ?? node.id, IP: hostOf(node) }));
}
