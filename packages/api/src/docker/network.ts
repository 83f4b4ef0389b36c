import type { Network } from "@murmur/model";
import type * as docker from "./network-types.ts";
import { toTimestamp } from "./time.ts";

/** A network as a task's attachment shows it. */
export function fromNetwork(network: Network): docker.Network {
  const { spec } = network;
  const createdAt = toTimestamp(network.createdAt);
  return {
    ID: network.id,
    Version: { Index: network.version },
    CreatedAt: createdAt,
    UpdatedAt: createdAt,
    Spec: {
      Name: spec.name,
      Labels: { ...spec.labels },
      Attachable: spec.attachable,
      Internal: spec.internal,
      Scope: "swarm",
    },
  };
}

/** A network as `/networks` shows it: of swarm scope, beside the engine's local ones. */
export function toNetworkResource(network: docker.Network): docker.NetworkResource {
  return {
    Name: network.Spec.Name,
    Id: network.ID,
    Created: network.CreatedAt,
    Scope: "swarm",
    Driver: "overlay",
    EnableIPv6: false,
    IPAM: { Driver: "default", Options: null, Config: [] },
    Internal: network.Spec.Internal,
    Attachable: network.Spec.Attachable,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: null,
    Options: null,
    Labels: network.Spec.Labels,
  };
}
