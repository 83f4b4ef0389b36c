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

/**
 * A task of the service as its spec is now; the store puts the spec itself in. It waits for the scheduler, also when its
 * node is given.
 */
export function newTask(
  from: { readonly view: View; readonly service: Service; readonly now: Millis },
  options: NewTaskOptions,
): Extract<InternalCommand, { kind: "createTask" }>["task"] {
  const { view, service, now } = from;
  const { id, slot, desired, notBefore } = options;
  return {
    id,
    serviceId: service.id,
    serviceName: service.spec.name,
    slot: typeof slot === "number" ? slot : 0,
    ...(typeof slot === "number" ? {} : { nodeId: slot }),
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
    desiredState: desired,
    ...(notBefore === undefined ? {} : { notBefore }),
    status: { state: "pending", at: now, message: "pending task scheduling" },
    ...(service.jobIteration === undefined ? {} : { jobIteration: service.jobIteration.index }),
  };
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
