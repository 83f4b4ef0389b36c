import { equal, type Index, type PortConfig, type Service, type ServiceSpec, type TaskSpec } from "@murmur/model";

/**
 * The spec version that a service has with `next` as its spec. It stays when the tasks that run can stay: nothing that
 * they are made from has changed, and they publish all that `next` needs. Going back to the previous spec takes up its
 * version again, so that tasks of it that still run are kept. Else it is `index`.
 *
 * Invariant: every task of a version publishes all that the last spec of that version needs. (Within one version ports
 * only go away.)
 */
export function nextSpecVersion(service: Service, next: ServiceSpec, index: Index): Index {
  if (fits(service.spec, next)) return service.specVersion;
  const { previousSpec, previousSpecVersion } = service;
  const goesBack = previousSpec !== undefined && previousSpecVersion !== undefined && fits(previousSpec, next);
  return goesBack && previousSpecVersion !== service.specVersion ? previousSpecVersion : index;
}

/** Whether tasks made from `old` serve `next` as well. */
function fits(old: ServiceSpec, next: ServiceSpec): boolean {
  if (old.task !== next.task && !equal(meaningOf(old.task), meaningOf(next.task))) return false;
  const had = new Set(old.endpoint.ports.map(neededOf));
  const hostPorts = (spec: ServiceSpec): string[] => spec.endpoint.ports.filter(isHost).map(neededOf).sort();
  return next.endpoint.ports.every((port) => had.has(neededOf(port))) && equal(hostPorts(old), hostPorts(next));
}

/** A constraint that is only spelled otherwise replaces nothing, nor does a strategy: it is for tasks that come. */
const meaningOf = (task: TaskSpec): unknown => {
  const constraints = task.placement.constraints.map((constraint) => ({ ...constraint, text: undefined }));
  return { ...task, placement: { ...task.placement, constraints, strategy: undefined } };
};

/** What of a port concerns the task: an ingress port's number and options are the cluster's affair, a host port's the task's. */
const neededOf = (port: PortConfig): string =>
  `${port.mode} ${port.protocol} ${port.targetPort}${isHost(port) ? ` ${port.publishedPort} ${port.hostIp ?? ""}` : ""}`;

const isHost = (port: PortConfig): boolean => port.mode === "host";
