import { ClusterError } from "@murmur/base";
import {
  LOCAL_DRIVERS,
  validateNetworkSpec,
  type LocalNetworking,
  type Network,
  type NetworkSpec,
  type Subnet,
  type SubnetSpec,
} from "@murmur/model";
import { compact } from "./compact.ts";
import { parseWith } from "./lenient-object.ts";
import { MTU_OPTION, networkSchema, VXLAN_OPTION } from "./network-schema.ts";
import type * as docker from "./network-types.ts";
import { nameRefusal } from "./service-refusal.ts";
import { toTimestamp } from "./time.ts";

/** A request's body to a spec. Errors: `invalid_argument` that names the field. */
export function toNetworkSpec(body: unknown): NetworkSpec {
  const input = parseWith(networkSchema, body);
  const mtu = input.Options?.[MTU_OPTION];
  const subnets = (input.IPAM?.Config ?? []).map(({ Subnet: subnet, Gateway, IPRange, AuxiliaryAddresses }) =>
    compact<SubnetSpec>({
      subnet,
      gateway: Gateway || undefined,
      range: IPRange || undefined,
      auxiliary: filled(AuxiliaryAddresses),
    }),
  );
  const spec = compact<NetworkSpec>({
    name: input.Name,
    labels: input.Labels ?? {},
    attachable: input.Attachable ?? false,
    internal: input.Internal ?? false,
    ipv6: input.EnableIPv6 || undefined,
    subnets: subnets.length === 0 ? undefined : subnets,
    ipamOptions: filled(input.IPAM?.Options),
    ingress: input.Ingress || undefined,
    mtu: mtu === undefined ? undefined : Number(mtu),
    local: localOf(input.Driver, input.ConfigFrom?.Network),
  });
  const problems = validateNetworkSpec(spec);
  const isNamed = !problems.some((problem) => problem.startsWith("name: "));
  if (problems.length > 0) {
    const words = isNamed ? "invalid network" : spec.name === "" ? "invalid name" : nameRefusal(spec.name);
    throw new ClusterError("invalid_argument", `${words}: ${problems.join("; ")}`);
  }
  refusePredefined(spec.name);
  return spec;
}

const filled = (given: Record<string, string> | undefined): Record<string, string> | undefined =>
  given === undefined || Object.keys(given).length === 0 ? undefined : given;

/** What each node makes a network of its own with; undefined for an overlay. Errors: `invalid_argument`. */
function localOf(driver: string | undefined, configFrom: string | undefined): LocalNetworking | undefined {
  const local = LOCAL_DRIVERS.find((one) => one === driver);
  if (local !== undefined) return { driver: local, ...(configFrom && { configFrom }) };
  if (!configFrom) return undefined;
  const why = "an overlay network has no settings of one node";
  throw new ClusterError(
    "invalid_argument",
    `ConfigFrom: ${why}; leave it out, or give --driver ${LOCAL_DRIVERS.join("|")}`,
  );
}

/** Names that every engine has networks of already. */
const OF_ENGINES: ReadonlySet<string> = new Set(["bridge", "host"]);
/** Names that mean something else wherever a container is given a network. */
const RESERVED: ReadonlySet<string> = new Set(["none", "default"]);

/** Errors: `already_exists` and `forbidden`, as Docker has it: such a network could never be told from the engine's. */
export function refusePredefined(name: string): void {
  if (OF_ENGINES.has(name)) throw new ClusterError("already_exists", `network with name ${name} already exists`);
  if (RESERVED.has(name))
    throw new ClusterError("forbidden", `operation is not permitted on predefined ${name} network `);
}

/** The fields of a spec that ask for something that only networks with addresses have. */
export function fieldsOfAddresses(spec: NetworkSpec): readonly string[] {
  return [
    ...(spec.subnets === undefined ? [] : ["IPAM.Config"]),
    ...(spec.ipamOptions === undefined ? [] : ["IPAM.Options"]),
    ...(spec.ipv6 === true ? ["EnableIPv6"] : []),
    ...(spec.mtu === undefined ? [] : [`Options.${MTU_OPTION}`]),
    ...(spec.internal ? ["Internal"] : []),
    ...(spec.local === undefined ? [] : ["Driver"]),
  ];
}

/** A network as a task's attachment shows it. */
export function fromNetwork(network: Network): docker.Network {
  const { spec, addressing } = network;
  const { subnets = [], ipamOptions } = spec;
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
      DriverConfiguration: spec.local
        ? { Name: spec.local.driver }
        : spec.mtu === undefined
          ? undefined
          : { Name: "overlay", Options: { [MTU_OPTION]: String(spec.mtu) } },
      ConfigFrom: spec.local?.configFrom === undefined ? undefined : { Network: spec.local.configFrom },
      IPv6Enabled: spec.ipv6,
      Attachable: spec.attachable,
      Internal: spec.internal,
      Ingress: spec.ingress,
      IPAMOptions: subnets.length === 0 && ipamOptions === undefined ? undefined : ipam(subnets, ipamOptions),
      Scope: "swarm",
    }),
    DriverState: spec.local
      ? { Name: spec.local.driver }
      : addressing && { Name: "overlay", Options: { [VXLAN_OPTION]: String(addressing.vni) } },
    IPAMOptions: spec.local ? { Driver: {} } : got.length === 0 ? undefined : ipam(got, ipamOptions),
  });
}

/** How addresses are given, which Docker adds to whatever options a network has. */
const SERIAL = { "com.docker.network.ipam.serial": "true" } as const;

const ipam = (
  subnets: readonly (Subnet | SubnetSpec)[],
  options: NetworkSpec["ipamOptions"],
): NonNullable<docker.Network["IPAMOptions"]> => ({
  Driver: { Name: "default", ...(options !== undefined && { Options: { ...options, ...SERIAL } }) },
  Configs: subnets.map(({ subnet, range, gateway, auxiliary }) =>
    compact<docker.SwarmIpamConfig>({
      Subnet: subnet,
      Range: range,
      Gateway: gateway,
      Murmur: auxiliary && { AuxiliaryAddresses: { ...auxiliary } },
    }),
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
    Driver: network.DriverState?.Name ?? "overlay",
    EnableIPv6: spec.IPv6Enabled ?? false,
    IPAM: {
      Driver: network.IPAMOptions === undefined ? "default" : (network.IPAMOptions.Driver.Name ?? ""),
      Options: network.IPAMOptions?.Driver.Options ?? null,
      Config: (network.IPAMOptions?.Configs ?? []).map(({ Subnet, Range, Gateway, Murmur }) =>
        compact<docker.IpamConfig>({ Subnet, IPRange: Range, Gateway, ...Murmur }),
      ),
    },
    Internal: spec.Internal ?? false,
    Attachable: spec.Attachable ?? false,
    Ingress: spec.Ingress ?? false,
    ConfigFrom: { Network: spec.ConfigFrom?.Network ?? "" },
    ConfigOnly: false,
    Containers: null,
    Options: Object.keys(options).length === 0 ? null : options,
    Labels: Object.keys(spec.Labels).length === 0 ? null : spec.Labels,
  };
}
