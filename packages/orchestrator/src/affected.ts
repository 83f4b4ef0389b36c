import type { NodeId } from "@murmur/base";
import type { Service, ServiceId } from "@murmur/model";
import type { Change, View } from "@murmur/store";

/** What is to be reconciled after a change; ids may come more than once over several changes. */
export interface Affected {
  readonly services: readonly ServiceId[];
  readonly nodes: readonly NodeId[];
}

const NOTHING: Affected = { services: [], nodes: [] };

/**
 * Which services and nodes a change may make a difference to. Work stays in proportion to what changed: a task's change
 * is about its service, a node's about the services that have tasks there and those that want one on every node.
 */
export function affected(view: View, change: Change): Affected {
  switch (change.table) {
    case "services":
    case "tasks": {
      const record = change.current ?? change.previous;
      if (record === undefined) return NOTHING;
      const service = "serviceId" in record ? record.serviceId : record.id;
      return { services: [service], nodes: [] };
    }
    case "nodes": {
      const node = change.current ?? change.previous;
      return node === undefined ? NOTHING : { services: servicesOfNode(view, node.id), nodes: [node.id] };
    }
    case "cluster": {
      const limit = change.previous?.spec.taskHistoryLimit;
      if (change.current === undefined || change.current.spec.taskHistoryLimit === limit) return NOTHING;
      return { services: view.services().map(({ id }) => id), nodes: [] };
    }
    // The first is written only together with a task, the other two say nothing of which tasks should exist.
    case "restarts":
    case "networks":
      return NOTHING;
  }
}

function servicesOfNode(view: View, id: NodeId): readonly ServiceId[] {
  const services = new Set<ServiceId>();
  for (const task of view.tasksOfNode(id)) services.add(task.serviceId);
  for (const service of view.services()) if (isGlobal(service)) services.add(service.id);
  return [...services].sort();
}

const isGlobal = ({ spec }: Service): boolean => spec.mode.kind === "global" || spec.mode.kind === "global-job";
