import { ClusterError } from "@murmur/base";
import { validateNetworkSpec, type Network, type NetworkSpec, type Subnet, type SubnetSpec } from "@murmur/model";
import { compact } from "./compact.ts";
import { parseWith } from "./lenient-object.ts";
import { MTU_OPTION, networkSchema, VXLAN_OPTION } from "./network-schema.ts";
import type * as docker from "./network-types.ts";
import { toTimestamp } from "./time.ts";

/** A request's body to a spec. Errors: `invalid_argument` that names the field. */
export function toNetworkSpec(body: unknown): NetworkSpec {
  const input = parseWith(networkSchema, body);
  const mtu = input.Options?.[MTU_OPTION];
  const subnets = (input.IPAM?.Config ?? []).map(({ Subnet: subnet, Gateway, IPRange }) =>
    compact<SubnetSpec>({ subnet, gateway: Gateway || undefined, range: IPRange || undefined }),
  );
  const spec = compact<NetworkSpec>({
    name: input.Name,
    labels: input.Labels ?? {},
    attachable: input.Attachable ?? false,
    internal: input.Internal ?? false,
    ipv6: input.EnableIPv6 || undefined,
    subnets: subnets.length === 0 ? undefined : subnets,
    mtu: mtu === undefined ? undefined : Number(mtu),
  });
  const problems = validateNetworkSpec(spec);
  if (problems.length > 0) throw new ClusterError("invalid_argument", `invalid network: ${problems.join("; ")}`);
  return spec;
}

/** The fields of a spec that ask for something that only networks with addresses have. */
export function fieldsOfAddresses(spec: NetworkSpec): readonly string[] {
  return [
    ...(spec.subnets === undefined ? [] : ["IPAM.Config"]),
    ...(spec.ipv6 === true ? ["EnableIPv6"] : []),
    ...(spec.mtu === undefined ? [] : [`Options.${MTU_OPTION}`]),
    ...(spec.internal ? ["Internal"] : []),
  ];
}

/** A network as a task's attachment shows it. */
export function fromNetwork(network: Network): docker.Network {
  const { spec, addressing } = network;
  const { subnets = [] } = spec;
  const createdAt = toTimestamp(network.createdAt);
  const got = addressing === undefined ? [] : [addressing.ipv4, addressing.ipv6].filter((one) => one !== undefined);
  return compact<docker.Network>({
    ID: network.id,
    Version: { Index: network.version },
    CreatedAt: createdAt,
    UpdatedAt: createdAt,
    Spec: compact<docker.Network["Spec"]>({
      Name: spec.name,
      Labels: { ...spec.labels },
      DriverConfiguration:
        spec.mtu === undefined ? undefined : { Name: "overlay", Options: { [MTU_OPTION]: String(spec.mtu) } },
      IPv6Enabled: spec.ipv6,
      Attachable: spec.attachable,
      Internal: spec.internal,
      IPAMOptions: subnets.length === 0 ? undefined : ipam(subnets),
      Scope: "swarm",
    }),
    DriverState:
      addressing === undefined ? undefined : { Name: "overlay", Options: { [VXLAN_OPTION]: String(addressing.vni) } },
    IPAMOptions: got.length === 0 ? undefined : ipam(got),
  });
}

const ipam = (subnets: readonly (Subnet | SubnetSpec)[]): NonNullable<docker.Network["IPAMOptions"]> => ({
  Driver: { Name: "default" },
  Configs: subnets.map(({ subnet, range, gateway }) =>
    compact<docker.SwarmIpamConfig>({ Subnet: subnet, Range: range, Gateway: gateway }),
  ),
});

/** A network as `/networks` shows it: of swarm scope, beside the engine's local ones. */
export function toNetworkResource(network: docker.Network): docker.NetworkResource {
  const { Spec: spec } = network;
  const options = { ...network.DriverState?.Options, ...spec.DriverConfiguration?.Options };
  return {
    Name: spec.Name,
    Id: network.ID,
    Created: network.CreatedAt,
    Scope: "swarm",
    Driver: "overlay",
    EnableIPv6: spec.IPv6Enabled ?? false,
    IPAM: {
      Driver: "default",
      Options: null,
      Config: (network.IPAMOptions?.Configs ?? []).map(({ Subnet, Range, Gateway }) =>
        compact<docker.IpamConfig>({ Subnet, IPRange: Range, Gateway }),
      ),
    },
    Internal: spec.Internal,
    Attachable: spec.Attachable,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: null,
    Options: Object.keys(options).length === 0 ? null : options,
    Labels: spec.Labels,
  };
}
