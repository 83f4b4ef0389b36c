import type { Endpoint, PublishedPort, ServiceEndpoints } from "@murmur/model";
import type { NetworkOfName } from "./name-index.ts";

/** What `_PORT._PROTOCOL` asks for. */
interface Wanted {
  readonly port: string;
  readonly protocol: string;
}

/** The container's ports that `_PORT._PROTOCOL` may mean. */
export function targetsOf(service: ServiceEndpoints, { port, protocol }: Wanted): readonly number[] {
  const named = (service.named ?? []).filter(
    (entry) => entry.protocol === protocol && entry.name.toLowerCase() === port,
  );
  if (named.length > 0) return named.map(({ targetPort }) => targetPort);
  const offered = [...service.published, ...service.endpoints.flatMap(({ ports }) => ports)];
  return offered.some((entry) => entry.protocol === protocol && String(entry.targetPort) === port)
    ? [Number(port)]
    : [];
}

/**
 * The ports that a task is reached by: at its own address the container's, each that the service tells of; at its node's
 * those that the node has for them.
 */
export function portsOf(
  { service, endpoint }: { readonly service: ServiceEndpoints; readonly endpoint: Endpoint },
  network: NetworkOfName,
): readonly PublishedPort[] {
  if (!network.hasAddresses) return endpoint.ports;
  const ports = new Map<string, PublishedPort>();
  for (const { protocol, targetPort } of [...service.published, ...(service.named ?? []), ...endpoint.ports]) {
    ports.set(`${protocol} ${targetPort}`, { protocol, targetPort, hostPort: targetPort });
  }
  return [...ports.values()];
}
