import type { NetworkAttachmentConfig, NetworkCreate } from "@murmur/api";
import type { ComposeNetwork, ComposeService, Project } from "@murmur/compose";
import { invalid } from "../../argument-error.ts";
import { scoped, STACK_LABEL } from "../stack-name.ts";

/** The network of services that name none. */
const DEFAULT_NETWORK = "default";

const NO_NETWORK: ComposeNetwork = { external: false, driverOptions: new Map(), labels: new Map(), others: [] };

/** What a network of the file is called in the cluster. Errors: `invalid_argument` for one that the file doesn't have. */
function networkName(stack: string, key: string, networks: Project["networks"]): string {
  const network = networks.get(key);
  if (network === undefined && key !== DEFAULT_NETWORK)
    throw invalid(`networks.${key}: a service is in it, and the file has no such network`);
  return network?.name ?? (network?.external === true ? key : scoped(stack, key));
}

/** What `network_mode` may say here: a network that each node has of itself. */
export const isNodeNetwork = (mode: string): boolean => ["host", "bridge", "none"].includes(mode);

/** The networks of the file that a service is in: the default one when it says nothing of any. */
function attachmentsIn({ networks, networkMode }: ComposeService): ComposeService["networks"] {
  if (networks.length > 0 || (networkMode !== undefined && isNodeNetwork(networkMode))) return networks;
  return [{ network: DEFAULT_NETWORK, aliases: [] }];
}

/**
 * A service has its short name in each of its networks, and what else the file calls it there. In its nodes' own network it
 * has no name.
 */
export function attachmentsOf(
  service: ComposeService,
  stack: string,
  networks: Project["networks"],
): NetworkAttachmentConfig[] {
  const { networkMode } = service;
  if (networkMode !== undefined && isNodeNetwork(networkMode)) return [{ Target: networkMode }];
  return attachmentsIn(service)
    .map(({ network, aliases, driverOptions }) => ({
      Target: networkName(stack, network, networks),
      Aliases: [...new Set([...aliases, service.name])],
      ...(driverOptions && { DriverOpts: Object.fromEntries(driverOptions) }),
    }))
    .toSorted((a, b) => (a.Target < b.Target ? -1 : 1));
}

/** The networks that services are in; others of the file are not made. */
export function networkWishes(
  project: Project,
  stack: string,
): { readonly networks: readonly NetworkCreate[]; readonly externalNetworks: readonly string[] } {
  const used = new Set([...project.services.values()].flatMap(attachmentsIn).map(({ network }) => network));
  const networks: NetworkCreate[] = [];
  const externalNetworks: string[] = [];
  for (const key of [...used].toSorted()) {
    const network = project.networks.get(key) ?? NO_NETWORK;
    const name = networkName(stack, key, project.networks);
    if (network.external) externalNetworks.push(name);
    else networks.push(networkBody(name, stack, { key, network }));
  }
  return { networks, externalNetworks };
}

function networkBody(
  name: string,
  stack: string,
  { key, network }: { readonly key: string; readonly network: ComposeNetwork },
): NetworkCreate {
  const { driver = "overlay", driverOptions, labels, ipam } = network;
  if (driver !== "overlay")
    throw invalid(`networks.${key}.driver: '${driver}' has no network over all nodes: leave it out, or say overlay`);
  const config = (ipam?.config ?? []).map(({ subnet, gateway, ipRange, auxAddresses }) => {
    if (subnet === undefined) throw invalid(`networks.${key}.ipam.config: names no subnet`);
    return {
      Subnet: subnet,
      ...(gateway !== undefined && { Gateway: gateway }),
      ...(ipRange !== undefined && { IPRange: ipRange }),
      ...(auxAddresses.size > 0 && { AuxiliaryAddresses: Object.fromEntries(auxAddresses) }),
    };
  });
  const options = Object.fromEntries(ipam?.options ?? []);
  const hasOptions = Object.keys(options).length > 0;
  return {
    Name: name,
    Driver: driver,
    ...(network.enableIpv6 === true && { EnableIPv6: true }),
    ...((config.length > 0 || hasOptions) && { IPAM: { Config: config, ...(hasOptions && { Options: options }) } }),
    ...(network.internal === true && { Internal: true }),
    ...(network.attachable === true && { Attachable: true }),
    ...(driverOptions.size > 0 && { Options: Object.fromEntries(driverOptions) }),
    Labels: { ...Object.fromEntries(labels), [STACK_LABEL]: stack },
  };
}
