import {
  DEFAULT_NETWORK_NAME,
  hostOf,
  isAssigned,
  isTerminal,
  nodeNetworkOf,
  stackOf,
  type AttachedTask,
  type Endpoint,
  type EndpointTable,
  type Network,
  type NetworkEntry,
  type Service,
  type ServiceEndpoints,
  type Task,
} from "@murmur/model";
import type { View } from "@murmur/store";

/** The whole table, computed from nothing but the view. O(services + tasks). */
export function endpointTable(view: View): EndpointTable {
  const services = view.services().flatMap((service) => serviceEndpoints(view, service) ?? []);
  return { version: view.version, networks: networksOf(view), services: services.sort(byServiceId) };
}

const byServiceId = (a: ServiceEndpoints, b: ServiceEndpoints): number => (a.serviceId < b.serviceId ? -1 : 1);

const networksOf = (view: View): EndpointTable["networks"] =>
  view
    .networks()
    .flatMap((network) => networkEntry(network) ?? [])
    .sort((a, b) => (a.id < b.id ? -1 : 1));

/** Undefined for an ingress network: nobody is in it. */
export function networkEntry({ id, spec, addressing, removing }: Network): NetworkEntry | undefined {
  const { name, internal, mtu, ingress, local, attachable } = spec;
  if (ingress === true) return undefined;
  if (local !== undefined) return { id, name, ...(internal && { internal }), local, ...(attachable && { attachable }) };
  if (addressing === undefined) return { id, name };
  const whether = removing !== undefined && { removing };
  return { id, name, ...whether, ...(internal && { internal }), ...(mtu !== undefined && { mtu }), addressing };
}

/**
 * The part of one service. One that is being removed has no name any more, which belongs to nobody, or to another: it is
 * there for its tasks' addresses, until they have ended. One in its nodes' own network has nothing that the cluster could
 * send to, and no name that would always mean it.
 */
export function serviceEndpoints(view: View, service: Service): ServiceEndpoints | undefined {
  const { spec } = service;
  const stack = stackOf(spec);
  const attached = view.tasksOfService(service.id).flatMap((task) => attachedTask(task) ?? []);
  if (nodeNetworkOf(spec.task) !== undefined && attached.length === 0) return undefined;
  const addressed = attached.length > 0 && { attached: attached.sort((a, b) => (a.taskId < b.taskId ? -1 : 1)) };
  if (service.removing === true) {
    const own = { ...(stack !== undefined && { stack }) };
    const gone = { serviceId: service.id, name: spec.name, ...own, networks: [], published: [], endpoints: [] };
    return addressed === false ? undefined : { ...gone, ...addressed };
  }
  const named = spec.endpoint.ports.flatMap(({ name, protocol, targetPort }) =>
    name === undefined || name === "" ? [] : [{ name, protocol, targetPort }],
  );
  const endpoints = view.tasksOfService(service.id).flatMap((task) => endpointOf(view, task) ?? []);
  return {
    serviceId: service.id,
    name: spec.name,
    ...(stack !== undefined && { stack }),
    networks: attachmentsOf(view, service),
    published: service.ports
      .filter(({ mode, publishedPort }) => mode === "ingress" && publishedPort > 0)
      .map(({ name: _name, mode: _mode, ...published }) => published),
    ...(named.length > 0 && { named }),
    endpoints: endpoints.sort((a, b) => (a.taskId < b.taskId ? -1 : 1)),
    ...(service.vips !== undefined && { vips: service.vips }),
    ...addressed,
  };
}

/** A service that names no network is in the default one. In networks of its nodes' own nobody is found. */
function attachmentsOf(view: View, service: Service): ServiceEndpoints["networks"] {
  if (nodeNetworkOf(service.spec.task) !== undefined) return [];
  const { networks } = service.spec.task;
  const isAddressed = ({ target }: (typeof networks)[number]): boolean =>
    view.network(target)?.spec.local === undefined;
  if (networks.length > 0)
    return networks.filter(isAddressed).map(({ target, aliases }) => ({ networkId: target, aliases }));
  const network = view.networkByName(DEFAULT_NETWORK_NAME);
  return network === undefined ? [] : [{ networkId: network.id, aliases: [] }];
}

/** Where a task can be reached, if traffic may be sent to it now. */
function endpointOf(view: View, task: Task): Endpoint | undefined {
  const reach = reachOf(task);
  if (reach === undefined) return undefined;
  const node = view.node(reach.nodeId);
  if (node === undefined || node.status.state === "down") return undefined;
  return { ...reach, address: task.addresses?.[0]?.ipv4 ?? reach.address ?? hostOf(node) };
}

/** Whether a task has addresses of its own that others may meet: from its assignment until it has ended. */
export const isAttached = ({ addresses, nodeId, status: { state } }: Task): boolean =>
  addresses !== undefined && nodeId !== undefined && isAssigned(state) && !isTerminal(state);

function attachedTask(task: Task): AttachedTask | undefined {
  const { id: taskId, nodeId, networks, addresses = [] } = task;
  if (nodeId === undefined || !isAttached(task)) return undefined;
  const own = networks.flatMap(({ networkId }, at) => {
    const address = addresses[at];
    return address === undefined ? [] : [{ networkId, ...address }];
  });
  return own.length === 0 ? undefined : { taskId, nodeId, addresses: own };
}

/** What the task itself has to do with its endpoint, whatever becomes of its node. */
export type Reach = Omit<Endpoint, "address"> & { readonly address?: string };

export function reachOf(task: Task): Reach | undefined {
  const { id, slot, nodeId, status } = task;
  if (nodeId === undefined || !takesTraffic(task) || nodeNetworkOf(task.spec) !== undefined) return undefined;
  const { address, ports = [] } = status;
  return { taskId: id, slot, nodeId, ...(address !== undefined && { address }), ports };
}

/** Wanted, running, and healthy unless it has no health check. */
function takesTraffic({ desiredState, status, spec }: Task): boolean {
  if (desiredState !== "running" || status.state !== "running") return false;
  if (status.health !== undefined) return status.health === "none" || status.health === "healthy";
  // Until its agent has said how it fares, a task with a check of its own counts as not healthy yet.
  const form = spec.container.healthCheck?.test?.[0];
  return form === undefined || form === "NONE";
}
