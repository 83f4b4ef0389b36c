import { taskName, type GenericOffer, type Task, type TaskStatus } from "@murmur/model";
import { withLengths, type NetworkOf } from "./attachment.ts";
import { compact } from "./compact.ts";
import { fromGeneric } from "./generic-resources.ts";
import { fromNetwork } from "./network.ts";
import type { Network } from "./network-types.ts";
import { nodeAttachments } from "./node-networks.ts";
import type * as docker from "./task-types.ts";
import { fromTaskSpec } from "./task-spec.ts";
import { leftVolumesText } from "./left-volumes.ts";
import { toTimestamp } from "./time.ts";

/** A task as Docker writes it; `networkOf` finds what it is attached to. */
export function fromTask(task: Task, networkOf: NetworkOf): docker.Task {
  const attachments = task.networks.flatMap(({ networkId }, at) => {
    const network = networkOf(networkId);
    if (network === undefined) return [];
    return [{ Network: fromNetwork(network), Addresses: withLengths(task.addresses?.[at] ?? {}, network) }];
  });
  return compact<docker.Task>({
    ID: task.id,
    Version: { Index: task.version },
    CreatedAt: toTimestamp(task.createdAt),
    UpdatedAt: toTimestamp(task.updatedAt),
    // Docker's tasks have labels of their own, and nobody gives them any; those of the service are found by the filter.
    Labels: {},
    Spec: specOf(task),
    ServiceID: task.serviceId,
    Slot: dockerSlot(task),
    NodeID: task.nodeId,
    Status: fromStatus(task),
    DesiredState: task.desiredState,
    GenericResources: task.nodeId === undefined ? undefined : fromGeneric(givenTo(task)),
    NetworksAttachments: orNone([...nodeAttachments(task.spec), ...attachments, ...localAttachments(task, networkOf)]),
    JobIteration: task.jobIteration === undefined ? undefined : { Index: task.jobIteration },
    Murmur: compact<docker.Task["Murmur"]>({
      Name: taskName(task),
      ServiceName: task.serviceName,
      Slot: task.slot || undefined,
      SpecVersion: task.specVersion,
      Health: task.status.health,
      NotBefore: task.notBefore === undefined ? undefined : toTimestamp(task.notBefore),
      Address: task.status.address,
      LeftVolumes: task.leftVolumes?.map(({ name, nodeId, hostname }) => ({
        Name: name,
        NodeID: nodeId,
        Hostname: hostname,
      })),
    }),
  });
}

/** Docker counts a job's slots from 0 and leaves that out, and its clients end only when they have found slot 0 complete. */
const dockerSlot = ({ slot, jobIteration }: Task): number | undefined =>
  (jobIteration === undefined ? slot : Math.max(0, slot - 1)) || undefined;

/** Its networks of which each node has one of its own: their addresses are the engine's to know. */
const localAttachments = ({ spec }: Task, networkOf: NetworkOf): { Network: Network }[] =>
  spec.networks.flatMap(({ target }) => {
    const network = networkOf(target);
    return network?.spec.local === undefined ? [] : [{ Network: fromNetwork(network) }];
  });

const orNone = <T>(list: T[]): T[] | undefined => (list.length === 0 ? undefined : list);

/** As in a service, but that a task says no runtime. */
function specOf(task: Task): docker.Task["Spec"] {
  const { Runtime: _said, ...spec } = fromTaskSpec(task.spec);
  return spec;
}

/** The names that it was given, and how many of what has none. */
function givenTo({ spec, genericNames }: Task): Readonly<Record<string, GenericOffer>> {
  return { ...spec.resources.reservations.generic, ...genericNames };
}

function fromStatus(task: Task): docker.TaskStatus {
  const { status } = task;
  return compact<docker.TaskStatus>({
    Timestamp: toTimestamp(status.at),
    State: status.state,
    Message: task.leftVolumes === undefined ? status.message : `${status.message}; ${leftVolumesText(task)}`,
    Err: status.error,
    ContainerStatus:
      status.containerId === undefined
        ? undefined
        : { ContainerID: status.containerId, PID: status.pid ?? 0, ExitCode: status.exitCode ?? 0 },
    PortStatus: portStatus(task, status),
  });
}

/** As Docker, only the ports of mode `host`: those are the task's own. */
function portStatus(task: Task, status: TaskStatus): docker.TaskStatus["PortStatus"] {
  const ports = (status.ports ?? []).flatMap((port) => {
    const config = task.endpointPorts.find(
      (candidate) =>
        candidate.mode === "host" &&
        candidate.protocol === port.protocol &&
        candidate.targetPort === port.targetPort &&
        (candidate.publishedPort === 0 || candidate.publishedPort === port.hostPort),
    );
    if (config === undefined) return [];
    const { protocol, targetPort, hostPort } = port;
    return [{ Protocol: protocol, TargetPort: targetPort, PublishedPort: hostPort, PublishMode: "host" as const }];
  });
  return ports.length === 0 ? {} : { Ports: ports };
}
