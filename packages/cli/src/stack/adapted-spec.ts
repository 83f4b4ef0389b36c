import type { PortConfig, Service, ServiceSpec } from "@murmur/api";

/**
 * What the file wants of a service, with what was set on it by other commands and a file has no words for: that it is
 * stopped, its strategy, how its ports balance, how often it was restarted.
 */
export function adaptedSpec(wish: ServiceSpec, { Spec }: Service): ServiceSpec {
  const { Devices: _devices, Privileged: _privileged, ...kept } = Spec.Murmur ?? {};
  const own = { ...kept, ...wish.Murmur };
  const { Murmur: _own, ...rest } = structuredClone(wish);
  const left = [...(Spec.EndpointSpec?.Ports ?? [])];
  const Ports = rest.EndpointSpec?.Ports?.map((port) => withOptions(port, left));
  const { ForceUpdate } = Spec.TaskTemplate;
  return {
    ...rest,
    TaskTemplate: { ...rest.TaskTemplate, ...(ForceUpdate !== undefined && { ForceUpdate }) },
    ...(rest.EndpointSpec && { EndpointSpec: { ...rest.EndpointSpec, ...(Ports && { Ports }) } }),
    ...((Spec.Murmur !== undefined || wish.Murmur !== undefined) && { Murmur: own }),
  };
}

/** A port with the options that the same port has; each of those is taken once. */
function withOptions(port: PortConfig, left: PortConfig[]): PortConfig {
  const at = left.findIndex((old) => isSame(old, port));
  const [old] = at < 0 ? [] : left.splice(at, 1);
  const { HostIP: _address, ...options } = old?.Murmur ?? {};
  return old?.Murmur === undefined ? port : { ...port, Murmur: { ...options, ...port.Murmur } };
}

const isSame = (a: PortConfig, b: PortConfig): boolean =>
  a.TargetPort === b.TargetPort &&
  (a.PublishedPort ?? 0) === (b.PublishedPort ?? 0) &&
  (a.Protocol ?? "tcp") === (b.Protocol ?? "tcp") &&
  (a.PublishMode ?? "ingress") === (b.PublishMode ?? "ingress");
