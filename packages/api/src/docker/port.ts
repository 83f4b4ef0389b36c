import { canonicalHostIp, type PortConfig, type PortOptions } from "@murmur/model";
import { compact } from "./compact.ts";
import type { ServiceInput } from "./service-schema.ts";
import type * as docker from "./service-types.ts";

type PortInput = NonNullable<NonNullable<ServiceInput["EndpointSpec"]>["Ports"]>[number];

/**
 * The ports of a request. One that comes without a `Murmur` object, as from a client that doesn't know it, keeps the
 * options that it had: those of the first previous port that is otherwise the same, each of which is taken once.
 */
export function toPorts(inputs: readonly PortInput[], previous: readonly PortConfig[]): readonly PortConfig[] {
  const left = [...previous];
  const ports = inputs.map(toPort);
  // A port that says which address it is on is that one, wherever in the list it stands.
  for (const port of ports) {
    const at = left.findIndex((old) => isSame(old, port) && old.hostIp === port.hostIp);
    if (port.hostIp !== undefined && at >= 0) left.splice(at, 1);
  }
  return ports.map((port, at) => {
    if (inputs[at]?.Murmur !== undefined) return port;
    const found = left.findIndex((old) => isSame(old, port));
    const [old] = found < 0 ? [] : left.splice(found, 1);
    return old === undefined ? port : { ...port, ...optionsOf(old) };
  });
}

const toPort = (input: PortInput): PortConfig =>
  compact<PortConfig>({
    name: input.Name || undefined,
    protocol: input.Protocol ?? "tcp",
    targetPort: input.TargetPort,
    publishedPort: input.PublishedPort ?? 0,
    mode: input.PublishMode ?? "ingress",
    hostIp: hostIpOf(input.Murmur?.HostIP),
    balancing: input.Murmur?.Balancing,
    proxyProtocol: input.Murmur?.ProxyProtocol || undefined,
    localFirst: input.Murmur?.LocalFirst || undefined,
  });

/** In the one spelling that is stored; what is no address the model refuses. */
const hostIpOf = (text: string | undefined): string | undefined =>
  text === undefined || text === "" ? undefined : (canonicalHostIp(text) ?? text);

const isSame = (left: PortConfig, right: PortConfig): boolean =>
  (["protocol", "targetPort", "publishedPort", "mode"] as const).every((key) => left[key] === right[key]);

const optionsOf = ({ hostIp, balancing, proxyProtocol, localFirst }: PortConfig): PortOptions =>
  compact<PortOptions>({ hostIp, balancing, proxyProtocol, localFirst });

export const fromPort = (port: PortConfig): docker.PortConfig =>
  compact<docker.PortConfig>({
    Name: port.name,
    Protocol: port.protocol,
    TargetPort: port.targetPort,
    PublishedPort: port.publishedPort || undefined,
    PublishMode: port.mode,
    Murmur: Object.keys(optionsOf(port)).length === 0 ? undefined : fromOptions(port),
  });

const fromOptions = ({ hostIp, balancing, proxyProtocol, localFirst }: PortConfig): docker.PortOptions =>
  compact<docker.PortOptions>({
    HostIP: hostIp,
    Balancing: balancing,
    ProxyProtocol: proxyProtocol,
    LocalFirst: localFirst,
  });
