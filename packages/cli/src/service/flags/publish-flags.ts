import type { PortConfig } from "@murmur/api";
import type { ServiceFlag } from "../flag.ts";
import { replacedByKey } from "../list-edit.ts";
import { isTarget, parsePublish } from "../publish.ts";
import { endpointOf } from "../spec-parts.ts";

const keyOf = ({ TargetPort, Protocol, PublishedPort, PublishMode, Murmur }: PortConfig): string =>
  [TargetPort, Protocol, PublishedPort, PublishMode, Murmur?.HostIP].join("/");

/** A port that is given anew without options has none any more: left out, they would stay. */
const stated = (port: PortConfig, before: readonly PortConfig[]): PortConfig => {
  const had = before.some((old) => keyOf(old) === keyOf(port) && old.Murmur !== undefined);
  return had && port.Murmur === undefined ? { ...port, Murmur: {} } : port;
};

export const PUBLISH_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "list",
    name: "publish",
    short: "p",
    value: "port",
    help: "Publish a port on every node: 80:8080, 53:53/udp, 10.0.0.1:80:8080, or published=80,target=8080 with protocol=, mode=, host-ip=, balancing=, proxy-protocol=, local-first=",
    add(spec, texts) {
      const endpoint = endpointOf(spec);
      const before = endpoint.Ports ?? [];
      const added = texts.flatMap(parsePublish).map((port) => stated(port, before));
      endpoint.Ports = replacedByKey(before, added, keyOf);
    },
    remove: {
      value: "port",
      help: "Remove a published port by its target port",
      from(spec, texts) {
        const endpoint = endpointOf(spec);
        const named = texts.map(isTarget);
        endpoint.Ports = (endpoint.Ports ?? []).filter((port) => !named.some((fits) => fits(port)));
      },
    },
  },
];
