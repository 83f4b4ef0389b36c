import { ClusterError, type NodeId } from "@murmur/base";
import { validateNodeSpec, type Cluster, type ClusterNode, type NodePermissions, type NodeSpec } from "@murmur/model";
import { compact } from "./compact.ts";
import { fromGeneric } from "./generic-resources.ts";
import { parseWith } from "./lenient-object.ts";
import { nodeSchema, type NodeInput } from "./node-schema.ts";
import type * as docker from "./node-types.ts";
import { toMillis, toNanos, toTimestamp } from "./time.ts";
import { toNodeTlsInfo } from "./tls-info.ts";

export interface NodeContext {
  readonly leader: NodeId | undefined;
  /** Whose roots the node's certificate is compared with. */
  readonly cluster: Pick<Cluster, "caPem" | "rotation"> | undefined;
}

/** The role that Docker's clients see: the wanted one where the user pinned it, else what the cluster chose. */
export const roleOf = (node: ClusterNode): docker.NodeRole =>
  node.spec.pinnedRole ?? (node.raftRole === "none" ? "worker" : "manager");

/** `1.2.3.4` of `1.2.3.4:7373`, `fd00::1` of `[fd00::1]:7373`. */
export function hostOf(address: string): string {
  const host = address.slice(0, Math.max(address.lastIndexOf(":"), 0));
  return host.replace(/^\[(.*)\]$/, "$1");
}

export function fromNode(node: ClusterNode, context: NodeContext): docker.Node {
  const { spec, status } = node;
  const isManager = node.raftRole !== "none" || roleOf(node) === "manager";
  return compact<docker.Node>({
    ID: node.id,
    Version: { Index: node.version },
    CreatedAt: toTimestamp(node.createdAt),
    UpdatedAt: toTimestamp(node.updatedAt),
    Spec: compact<docker.NodeSpec>({
      Name: spec.name,
      Labels: { ...spec.labels },
      Role: roleOf(node),
      Availability: spec.availability,
      Murmur: compact<docker.MurmurNodeSpec>({
        PinnedRole: spec.pinnedRole ?? null,
        Drain: spec.drain && { Deadline: toNanos(spec.drain.deadlineMs) },
      }),
    }),
    Description: fromDescription(node, context),
    Status: compact<docker.Node["Status"]>({
      State: status.state,
      Message: status.message || (status.engine.state === "down" ? status.engine.message : "") || undefined,
      Addr: hostOf(node.address),
    }),
    ManagerStatus: isManager
      ? compact<NonNullable<docker.Node["ManagerStatus"]>>({
          Leader: context.leader === node.id ? true : undefined,
          Reachability: reachabilityOf(node),
          Addr: node.address,
        })
      : undefined,
    Murmur: compact<docker.Node["Murmur"]>({
      Address: node.address,
      RaftRole: node.raftRole,
      EngineState: status.engine.state,
      EngineMessage: status.engine.message,
      Version: node.description?.murmurVersion,
      DataPlane: node.description?.dataPlane,
      Permits: fromPermits(node.description?.permits),
      DrainUntil: node.drainUntil === undefined ? undefined : toTimestamp(node.drainUntil),
    }),
  });
}

/** Unknown: it is to be a manager, and is not yet. */
function reachabilityOf({ raftRole, status }: ClusterNode): NonNullable<docker.Node["ManagerStatus"]>["Reachability"] {
  if (status.state === "down") return "unreachable";
  return raftRole === "none" || status.state === "unknown" ? "unknown" : "reachable";
}

/** Docker's nodes call their processors as the kernel does; images and the model as Go does. */
const ARCHITECTURES: Readonly<Record<string, string>> = { amd64: "x86_64", arm64: "aarch64" };

interface Plugin {
  readonly Type: string;
  readonly Name: string;
}
const byTypeAndName = (a: Plugin, b: Plugin): number => compared(a.Type, b.Type) || compared(a.Name, b.Name);
const compared = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function fromPermits(permits: NodePermissions | undefined): docker.Node["Murmur"]["Permits"] {
  const { privileged, devices = [] } = permits ?? {};
  if (privileged === undefined && devices.length === 0) return undefined;
  return { ...(privileged && { Privileged: privileged }), ...(devices.length > 0 && { Devices: [...devices] }) };
}

function fromDescription(node: ClusterNode, context: NodeContext): docker.NodeDescription {
  const { description, hostname = "" } = node;
  const TLSInfo = toNodeTlsInfo(node.certificate, context.cluster);
  if (description === undefined) return { Hostname: hostname, Platform: {}, Resources: {}, Engine: {}, TLSInfo };
  const { platform, resources, engine } = description;
  return {
    Hostname: description.hostname,
    Platform: { Architecture: ARCHITECTURES[platform.architecture] ?? platform.architecture, OS: platform.os },
    Resources: compact<NonNullable<docker.NodeDescription["Resources"]>>({
      NanoCPUs: resources.nanoCpus,
      MemoryBytes: resources.memoryBytes,
      GenericResources: fromGeneric(resources.generic),
    }),
    Engine: compact<NonNullable<docker.NodeDescription["Engine"]>>({
      EngineVersion: engine.version,
      Labels: Object.keys(engine.labels).length === 0 ? undefined : { ...engine.labels },
      Plugins: engine.plugins.map(({ kind, name }) => ({ Type: kind, Name: name })).sort(byTypeAndName),
    }),
    TLSInfo,
  };
}

/**
 * A request's body to the spec of a node that is there. Docker's clients send back the role that they were shown; only
 * one that differs from it is a wish, and pins the role. `Murmur.PinnedRole`, when it differs, says it outright; null
 * gives the choice back to the cluster. A deadline of a drain goes with the drain.
 */
export function toNodeSpec(body: unknown, node: ClusterNode): NodeSpec {
  const input = parseWith(nodeSchema, body);
  const pinned = node.spec.pinnedRole;
  const stated = input.Murmur?.PinnedRole;
  const isStated = stated !== undefined && stated !== (pinned ?? null);
  const shown = input.Role === roleOf(node) ? pinned : input.Role;
  const spec = compact<NodeSpec>({
    name: input.Name || undefined,
    labels: input.Labels ?? {},
    availability: input.Availability,
    drain: toDrain(input, node),
    pinnedRole: isStated ? (stated ?? undefined) : shown,
  });
  const problems = validateNodeSpec(spec);
  if (problems.length > 0) throw new ClusterError("invalid_argument", `invalid node: ${problems.join("; ")}`);
  return spec;
}

/** A node that takes tasks again is drained no more, also when the client sends back what it was shown of that. */
function toDrain({ Availability, Murmur }: NodeInput, { spec: { drain: known } }: ClusterNode): NodeSpec["drain"] {
  const stated = Murmur?.Drain;
  if (stated === null) return undefined;
  const wished = stated && { deadlineMs: Math.ceil(toMillis(stated.Deadline)) };
  if (Availability === "drain") return wished ?? known;
  return wished?.deadlineMs === known?.deadlineMs ? undefined : wished;
}
