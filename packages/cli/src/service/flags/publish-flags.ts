import type { PortConfig } from "@murmur/api";
import type { ServiceFlag } from "../flag.ts";
import { replacedByKey } from "../list-edit.ts";
import { isTarget, parsePublish } from "../publish.ts";
import { endpointOf } from "../spec-parts.ts";

const keyOf = ({ TargetPort, Protocol, PublishedPort, PublishMode }: PortConfig): string =>
  [TargetPort, Protocol, PublishedPort, PublishMode].join("/");

export const PUBLISH_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "list",
    name: "publish",
    short: "p",
    value: "port",
    help: "Publish a port on every node: 80:8080, 53:53/udp, published=80,target=8080",
    add(spec, texts) {
      const endpoint = endpointOf(spec);
      endpoint.Ports = replacedByKey(endpoint.Ports, texts.flatMap(parsePublish), keyOf);
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
