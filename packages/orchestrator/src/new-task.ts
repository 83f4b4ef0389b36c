import type { Millis, NodeId } from "@murmur/base";
import {
  DEFAULT_NETWORK_NAME,
  nodeNetworkOf,
  type DesiredState,
  type InternalCommand,
  type Service,
  type Task,
  type TaskId,
} from "@murmur/model";
import type { View } from "@murmur/store";

export interface NewTaskOptions {
  readonly id: TaskId;
  /** A number for replicated services, a node for global ones. */
  readonly slot: number | NodeId;
  readonly desired: DesiredState;
  readonly notBefore?: Millis;
}

type NewTask = Extract<InternalCommand, { kind: "createTask" }>["task"];

/** What all tasks have in common that are made of a service at one time. */
export type TaskPattern = Omit<NewTask, "id" | "slot" | "nodeId" | "desiredState" | "notBefore">;

/** The pattern of the tasks of a service as its spec is now; the store puts the spec itself in. */
export function taskPattern(view: View, service: Service, now: Millis): TaskPattern {
  return {
    serviceId: service.id,
    serviceName: service.spec.name,
    specVersion: service.specVersion,
    serviceLabels: service.spec.labels,
    endpointPorts: service.ports.map(({ protocol, targetPort, publishedPort, mode, hostIp }) => ({
      protocol,
      targetPort,
      publishedPort,
      mode,
      ...(mode === "host" && hostIp !== undefined && { hostIp }),
    })),
    networks: networksOf(view, service),
    status: { state: "pending", at: now, message: "pending task scheduling" },
    ...(service.jobIteration === undefined ? {} : { jobIteration: service.jobIteration.index }),
  };
}

/** A task that waits for the scheduler, also when its node is given. */
export function newTask(pattern: TaskPattern, { id, slot, desired, notBefore }: NewTaskOptions): NewTask {
  const isNumbered = typeof slot === "number";
  const task = { ...pattern, id, slot: isNumbered ? slot : 0, desiredState: desired };
  if (isNumbered && notBefore === undefined) return task;
  return { ...task, ...(!isNumbered && { nodeId: slot }), ...(notBefore !== undefined && { notBefore }) };
}

/** A service that names no network is on the default one; those that nodes have of their own are in the spec alone. */
function networksOf(view: View, service: Service): Task["networks"] {
  if (nodeNetworkOf(service.spec.task) !== undefined) return [];
  const { networks } = service.spec.task;
  const isAddressed = ({ target }: (typeof networks)[number]): boolean =>
    view.network(target)?.spec.local === undefined;
  if (networks.length > 0)
    return networks.filter(isAddressed).map(({ target, aliases }) => ({ networkId: target, aliases }));
  const fallback = view.networkByName(DEFAULT_NETWORK_NAME);
  return fallback === undefined ? [] : [{ networkId: fallback.id, aliases: [] }];
}
