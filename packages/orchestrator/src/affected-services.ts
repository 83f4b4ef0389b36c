import type { NodeId } from "@murmur/base";
import type { ContainerSpec, Service, ServiceId } from "@murmur/model";
import type { Change, View } from "@murmur/store";

/**
 * Which services a change may make a difference to. Work stays in proportion to what changed: a task's change is about
 * its service, a node's about the services that have tasks there and those that want one on every node.
 */
export function affectedServices(view: View, change: Change): readonly ServiceId[] {
  switch (change.table) {
    case "services":
      return [(change.current ?? change.previous).id];
    case "tasks":
      return saysNothing(change) ? [] : [(change.current ?? change.previous).serviceId];
    case "nodes":
      return servicesOfNode(view, (change.current ?? change.previous).id);
    case "cluster": {
      const limit = change.previous?.spec.taskHistoryLimit;
      const isSame = change.current?.spec.taskHistoryLimit === limit;
      return isSame ? [] : view.services().map(({ id }) => id);
    }
    case "secrets":
    case "configs":
      return change.current === undefined ? usersBefore(view, change.id) : [];
    // The first is written only together with a task, the other says nothing of which tasks should exist.
    case "restarts":
    case "networks":
      return [];
  }
}

/** A task that only says more about the state that it is in: a message, a port, a process id. */
function saysNothing({ previous, current }: Extract<Change, { table: "tasks" }>): boolean {
  if (previous === undefined || current === undefined) return false;
  const { status: before } = previous;
  const { status: after } = current;
  if (before.state !== after.state || before.health !== after.health || before.exitCode !== after.exitCode)
    return false;
  const isWantedAsBefore = previous.desiredState === current.desiredState && previous.move === current.move;
  return isWantedAsBefore && previous.nodeId === current.nodeId;
}

/** Services whose tasks of an earlier spec may use a secret or config; those of the present one can't: it was removed. */
const usersBefore = (view: View, id: string): readonly ServiceId[] =>
  view
    .services()
    .filter(
      (service) => service.previousSpec !== undefined && payloadIds(service.previousSpec.task.container).includes(id),
    )
    .map((service) => service.id);

const payloadIds = ({ secrets = [], configs = [] }: ContainerSpec): readonly string[] => [
  ...secrets.map(({ secretId }) => secretId),
  ...configs.map(({ configId }) => configId),
];

function servicesOfNode(view: View, id: NodeId): readonly ServiceId[] {
  const services = new Set<ServiceId>();
  for (const task of view.tasksOfNode(id)) services.add(task.serviceId);
  for (const service of view.services()) if (isGlobal(service)) services.add(service.id);
  return [...services].sort();
}

const isGlobal = ({ spec }: Service): boolean => spec.mode.kind === "global" || spec.mode.kind === "global-job";
