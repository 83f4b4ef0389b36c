import type { NodeDescription } from "@murmur/model";
import type { EngineInfo, NodeContext } from "./ports.ts";

/** What a node says of itself, from what its engine says and how the node is set up. */
export function describe(
  info: EngineInfo,
  node: Pick<NodeContext, "dataPlane">,
  own: { readonly hostname?: string } & Required<Pick<NodeDescription, "murmurVersion" | "protocol">> &
    Pick<NodeDescription, "subnets">,
): NodeDescription {
  return {
    hostname: own.hostname ?? info.hostname,
    platform: { os: info.os, architecture: info.architecture },
    resources: { nanoCpus: info.cpus * 1e9, memoryBytes: info.memoryBytes },
    engine: { version: info.version, labels: info.labels, plugins: info.plugins },
    murmurVersion: own.murmurVersion,
    protocol: own.protocol,
    dataPlane: node.dataPlane,
    ...(own.subnets !== undefined && { subnets: own.subnets }),
  };
}
