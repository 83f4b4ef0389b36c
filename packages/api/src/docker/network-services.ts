import { taskName, type NetworkId, type Service, type Task } from "@murmur/model";
import type { NetworkService } from "./network-types.ts";

/** The services of a network and their running tasks, by the services' names. */
export function networkServices(
  id: NetworkId,
  services: readonly Service[],
  tasksOf: (service: Service) => readonly Task[],
): Record<string, NetworkService> {
  const found: Record<string, NetworkService> = {};
  for (const service of services) {
    const vip = service.vips?.find(({ networkId }) => networkId === id);
    const Tasks = tasksOf(service).flatMap((task) => shownTask(id, task));
    if (Tasks.length === 0 && vip === undefined) continue;
    const Ports = service.ports
      .filter(({ mode }) => mode === "ingress")
      .map(({ targetPort, publishedPort }) => `Target: ${String(targetPort)}, Publish: ${String(publishedPort)}`);
    found[service.spec.name] = { VIP: vip?.ipv4 ?? "", Ports, LocalLBIndex: 0, Tasks };
  }
  return found;
}

function shownTask(id: NetworkId, task: Task): NetworkService["Tasks"] {
  const at = task.networks.findIndex(({ networkId }) => networkId === id);
  if (at < 0 || task.status.state !== "running") return [];
  const host = task.status.address;
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
