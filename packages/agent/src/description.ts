import type { NodeDescription } from "@murmur/model";
import type { EngineInfo, NodeContext } from "./ports.ts";

/** What a node says of itself, from what its engine says and how the node is set up. */
export function describe(
  info: EngineInfo,
  node: Pick<NodeContext, "dataPlane" | "permits">,
  own: { readonly hostname?: string } & Required<Pick<NodeDescription, "murmurVersion" | "protocol">> &
    Pick<NodeDescription, "subnets"> & { readonly generic?: NodeDescription["resources"]["generic"] },
): NodeDescription {
  // What the node is told itself says more of a kind than what its engine is told.
  const generic = { ...info.generic, ...own.generic };
  const resources = { nanoCpus: info.cpus * 1e9, memoryBytes: info.memoryBytes };
  return {
    hostname: own.hostname ?? info.hostname,
    platform: { os: info.os, architecture: info.architecture },
    resources: { ...resources, ...(Object.keys(generic).length > 0 && { generic }) },
    engine: { version: info.version, labels: info.labels, plugins: info.plugins },
    murmurVersion: own.murmurVersion,
    protocol: own.protocol,
    dataPlane: node.dataPlane,
    ...(node.permits && { permits: node.permits }),
    ...(own.subnets !== undefined && { subnets: own.subnets }),
  };
}
