import {
  matchesConstraint,
  matchesConstraints,
  matchesPlatforms,
  unpermitted,
  type ClusterNode,
  type NodeDescription,
} from "@murmur/model";
import { hostPortText } from "./host-ports.ts";
import type { NodeLoad } from "./node-load.ts";
import type { NetworkRoom, Requirement, WantedPlugin } from "./requirement.ts";

/** One reason for which a node may not take a task. Stateless; the words are Docker's where it has them. */
export interface Filter {
  readonly name: string;
  /** What of a node its answer follows from: its record, the room that is left there, or which tasks it has. */
  readonly looksAt: "node" | "room" | "tasks";
  /** False when the filter admits every node for this requirement. */
  applies(requirement: Requirement): boolean;
  admits(requirement: Requirement, load: NodeLoad): boolean;
  /** `insufficient resources on 2 nodes`. */
  refusal(nodes: number, requirement: Requirement): string;
  /** What this node lacks, for people: `128 MiB of memory short`. Only asked about a node that was not admitted. */
  lack(requirement: Requirement, load: NodeLoad): string;
}

const on = (nodes: number): string => (nodes === 1 ? "on 1 node" : `on ${String(nodes)} nodes`);

const available: Filter = {
  name: "availability",
  looksAt: "node",
  applies: () => true,
  admits: (_, { node }) => node?.status.state === "ready" && node.spec.availability === "active",
  refusal: (nodes) => `${nodes === 1 ? "1 node" : `${String(nodes)} nodes`} not available for new tasks`,
  lack: (_, { node }) => {
    if (node === undefined) return "removed";
    return node.status.state === "ready" ? `availability is ${node.spec.availability}` : `node is ${node.status.state}`;
  },
};

const engine: Filter = {
  name: "engine",
  looksAt: "node",
  applies: () => true,
  admits: (_, { node }) => node?.status.engine.state === "ready" && node.description !== undefined,
  refusal: (nodes) => `engine not available ${on(nodes)}`,
  lack: (_, { node }) => {
    const message = node?.status.engine.message ?? "";
    return message === "" ? "engine not available" : `engine not available: ${message}`;
  },
};

const resources: Filter = {
  name: "resources",
  looksAt: "room",
  applies: ({ nanoCpus, memoryBytes, generic }) => nanoCpus > 0 || memoryBytes > 0 || generic.length > 0,
  admits: ({ nanoCpus, memoryBytes, generic }, load) =>
    nanoCpus <= load.freeNanoCpus && memoryBytes <= load.freeMemoryBytes && hasGeneric(load, generic),
  refusal: (nodes) => `insufficient resources ${on(nodes)}`,
  lack: ({ nanoCpus, memoryBytes, generic }, load) => {
    const cpus = (nanoCpus - load.freeNanoCpus) / 1e9;
    const mebibytes = (memoryBytes - load.freeMemoryBytes) / 2 ** 20;
    const short = [
      ...(cpus > 0 ? [`${String(Number(cpus.toFixed(3)))} CPUs`] : []),
      ...(mebibytes > 0 ? [`${String(Number(mebibytes.toFixed(1)))} MiB of memory`] : []),
      ...generic.flatMap(([kind, amount]) => {
        const lacking = amount - load.freeGeneric(kind);
        return lacking > 0 ? [`${String(lacking)} ${kind}`] : [];
      }),
    ];
    return `${short.join(" and ")} short`;
  },
};

const genericNames: Filter = {
  name: "named resources",
  looksAt: "room",
  applies: (requirement) => requirement.genericNames.length > 0,
  admits: (requirement, load) => requirement.genericNames.every(([kind, name]) => load.hasFree(kind, name)),
  refusal: (nodes) => `insufficient resources ${on(nodes)}`,
  lack: (requirement, load) => {
    const missing = requirement.genericNames.filter(([kind, name]) => !load.hasFree(kind, name));
    return `${missing.map(([kind, name]) => `${kind} ${name}`).join(", ")} not offered, or in use`;
  },
};

const plugins: Filter = {
  name: "plugins",
  looksAt: "node",
  applies: (requirement) => requirement.plugins.length > 0,
  admits: (requirement, { node }) => missingPlugins(requirement, node?.description).length === 0,
  refusal: (nodes) => `missing plugin ${on(nodes)}`,
  lack: (requirement, { node }) => {
    const missing = missingPlugins(requirement, node?.description);
    return `no ${missing.map((plugin) => `${plugin.kind.toLowerCase()} plugin ${plugin.name}`).join(", ")}`;
  },
};

/** Root on a node is its own administrator's to give. */
const permissions: Filter = {
  name: "permissions",
  looksAt: "node",
  applies: ({ devices }) => devices !== undefined,
  admits: ({ devices = {} }, { node }) => unpermitted(devices, node?.description?.permits).length === 0,
  refusal: (nodes) => `privileged or device access not permitted ${on(nodes)}`,
  lack: ({ devices = {} }, { node }) =>
    `${unpermitted(devices, node?.description?.permits).join(", ")} not permitted (murmur daemon --allow-device, --allow-privileged)`,
};

const constraints: Filter = {
  name: "constraints",
  looksAt: "node",
  applies: (requirement) => requirement.constraints.length > 0,
  admits: (requirement, { node }) => node !== undefined && matchesConstraints(node, requirement.constraints),
  refusal: (nodes) => `scheduling constraints not satisfied ${on(nodes)}`,
  lack(requirement, { node }) {
    const unmet = requirement.constraints.filter(
      (constraint) => node === undefined || !matchesConstraint(node, constraint),
    );
    return `${unmet.map(({ key, operator, value }) => `${key}${operator}${value}`).join(", ")} not met`;
  },
};

const platform: Filter = {
  name: "platform",
  looksAt: "node",
  applies: (requirement) => requirement.platforms.length > 0,
  admits: (requirement, { node }) => node !== undefined && matchesPlatforms(node, requirement.platforms),
  refusal: (nodes) => `unsupported platform ${on(nodes)}`,
  lack: (_, { node }) => {
    const own = node?.description?.platform;
    return own === undefined ? "platform not known" : `platform is ${own.os}/${own.architecture}`;
  },
};

/** A published port's connections find their way back by the gateway of the node that they came in at. */
const gateways: Filter = {
  name: "network gateways",
  looksAt: "node",
  applies: (requirement) => requirement.networks.length > 0,
  admits: (requirement, { node }) => lackingGateway(requirement, node).length === 0,
  refusal: (nodes, { networks }) => {
    const [smallest] = [...networks].sort((a, b) => a.nodesMax - b.nodesMax);
    const { name = "", nodesMax = 0 } = smallest ?? {};
    return `network ${name} is too small ${on(nodes)}: it has gateways for nodes number 1 to ${String(nodesMax)}`;
  },
  lack: (requirement, { node }) =>
    lackingGateway(requirement, node)
      .map(({ name, nodesMax }) => {
        const own = node?.number === undefined ? "it has no number" : `it is number ${String(node.number)}`;
        return `no gateway in network ${name}, which has them for ${String(nodesMax)} nodes: ${own}`;
      })
      .join(", "),
};

const hostPorts: Filter = {
  name: "host ports",
  looksAt: "tasks",
  applies: (requirement) => requirement.hostPorts.length > 0,
  admits: (requirement, load) => !requirement.hostPorts.some((port) => load.usesHostPort(port)),
  refusal: (nodes) => `host-mode port already in use ${on(nodes)}`,
  lack: (requirement, load) =>
    `host port ${requirement.hostPorts
      .filter((port) => load.usesHostPort(port))
      .map(hostPortText)
      .join(", ")} in use`,
};

const replicas: Filter = {
  name: "max replicas",
  looksAt: "tasks",
  applies: (requirement) => requirement.maxReplicasPerNode > 0,
  admits: (requirement, load) => load.wantedOf(requirement.serviceId) < requirement.maxReplicasPerNode,
  refusal: () => "max replicas per node limit exceed",
  lack: (requirement) => `${String(requirement.maxReplicasPerNode)} tasks of the service, the most allowed`,
};

/** In SwarmKit's order, with ours where they fit: a node that several of them refuse is counted for the first. */
export const FILTERS: readonly Filter[] = [
  available,
  engine,
  resources,
  genericNames,
  plugins,
  permissions,
  constraints,
  platform,
  gateways,
  hostPorts,
  replicas,
];

function hasGeneric(load: NodeLoad, generic: Requirement["generic"]): boolean {
  for (const [kind, amount] of generic) if (amount > load.freeGeneric(kind)) return false;
  return true;
}

/** Whether a node passes some filters. */
export function isAdmitted(load: NodeLoad, requirement: Requirement, filters: readonly Filter[]): boolean {
  for (const filter of filters) if (!filter.admits(requirement, load)) return false;
  return true;
}

const lackingGateway = ({ networks }: Requirement, node: ClusterNode | undefined): readonly NetworkRoom[] =>
  networks.filter(({ nodesMax }) => node?.number === undefined || node.number > nodesMax);

/**
 * A log plugin is only missed on a node that names its log plugins at all: an engine that does not is not held to it.
 * `NAME` and `NAME:latest` are the same plugin.
 */
function missingPlugins(requirement: Requirement, description: NodeDescription | undefined): readonly WantedPlugin[] {
  const own = description?.engine.plugins ?? [];
  return requirement.plugins.filter(({ kind, name }) => {
    const ofKind = own.filter((plugin) => plugin.kind === kind);
    if (kind === "Log" && ofKind.length === 0) return false;
    return !ofKind.some((plugin) => plugin.name === name || plugin.name === `${name}:latest`);
  });
}
