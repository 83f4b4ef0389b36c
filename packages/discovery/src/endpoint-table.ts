import {
  DEFAULT_NETWORK_NAME,
  hostOf,
  type Endpoint,
  type EndpointTable,
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

export const byServiceId = (a: ServiceEndpoints, b: ServiceEndpoints): number => (a.serviceId < b.serviceId ? -1 : 1);

export const networksOf = (view: View): EndpointTable["networks"] =>
  view.networks().map(({ id, spec }) => ({ id, name: spec.name }));

/** The part of one service; undefined for one that is being removed: its name belongs to nobody, or to another. */
export function serviceEndpoints(view: View, service: Service): ServiceEndpoints | undefined {
  if (service.removing === true) return undefined;
  const { spec } = service;
  const named = spec.endpoint.ports.flatMap(({ name, protocol, targetPort }) =>
    name === undefined || name === "" ? [] : [{ name, protocol, targetPort }],
  );
  const endpoints = view.tasksOfService(service.id).flatMap((task) => endpointOf(view, task) ?? []);
  return {
    serviceId: service.id,
    name: spec.name,
    networks: attachmentsOf(view, service),
    published: service.ports
      .filter(({ mode, publishedPort }) => mode === "ingress" && publishedPort > 0)
      .map(({ name: _name, mode: _mode, ...published }) => published),
    ...(named.length > 0 && { named }),
    endpoints: endpoints.sort((a, b) => (a.taskId < b.taskId ? -1 : 1)),
  };
}

/** A service that names no network is in the default one. */
function attachmentsOf(view: View, service: Service): ServiceEndpoints["networks"] {
  const { networks } = service.spec.task;
  if (networks.length > 0) return networks.map(({ target, aliases }) => ({ networkId: target, aliases }));
  const network = view.networkByName(DEFAULT_NETWORK_NAME);
  return network === undefined ? [] : [{ networkId: network.id, aliases: [] }];
}

/** Where a task can be reached, if traffic may be sent to it now. */
function endpointOf(view: View, task: Task): Endpoint | undefined {
  const reach = reachOf(task);
  if (reach === undefined) return undefined;
  const node = view.node(reach.nodeId);
  if (node === undefined || node.status.state === "down") return undefined;
  return { ...reach, address: reach.address ?? hostOf(node) };
}

/** What the task itself has to do with its endpoint, whatever becomes of its node. */
export type Reach = Omit<Endpoint, "address"> & { readonly address?: string };

export function reachOf(task: Task): Reach | undefined {
  const { id, slot, nodeId, status } = task;
  if (nodeId === undefined || !takesTraffic(task)) return undefined;
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
