import type { ContainerSpec, Service, UpdateConfig } from "@murmur/api";
import { genericText } from "../format/generic-text.ts";
import { humanSize } from "../format/human-size.ts";
import { formatDuration } from "../units/duration.ts";
import { mountText, portText } from "./entry-text.ts";
import { modeText } from "./service-row.ts";

type Line = readonly [depth: number, name: string, value?: string];

/** A service for people, laid out as by `docker service inspect --pretty`. */
export function serviceText(service: Service, networkName: (id: string) => string): string {
  const lines: Line[] = [
    [0, "ID", service.ID],
    [0, "Name", service.Spec.Name ?? ""],
    ...mapLines("Labels", service.Spec.Labels),
    [0, "Service Mode", modeText(service).replace(/^./, (letter) => letter.toUpperCase())],
    ...(service.Spec.Murmur?.Stopped === true ? [[1, "Stopped", "true"] as const] : []),
    ...replicaLines(service),
    ...policyLines(service),
    ...updateStatusLines(service),
    ...placementLines(service),
    ...configLines("Update", service.Spec.UpdateConfig),
    ...configLines("Rollback", service.Spec.RollbackConfig),
    ...containerLines(service),
    ...logLines(service),
    ...resourceLines(service),
    ...networkLines(service, networkName),
    [0, "Endpoint Mode", service.Endpoint.Spec.Mode ?? "vip"],
    ...portLines(service),
  ];
  return lines.map(formatLine).join("\n");
}

function formatLine([depth, name, value]: Line): string {
  const indent = " ".repeat(depth);
  return value === undefined ? indent + name : `${indent}${name}:`.padEnd(19).concat(" ", value).trimEnd();
}

const mapLines = (title: string, map: Readonly<Record<string, string>> = {}): Line[] => {
  const entries = Object.entries(map);
  return entries.length === 0 ? [] : [[0, title, ""], ...entries.map(([key, value]): Line => [1, `${key}=${value}`])];
};

function replicaLines({ Spec: { Mode } }: Service): Line[] {
  if (Mode?.Replicated !== undefined) return [[1, "Replicas", String(Mode.Replicated.Replicas ?? 1)]];
  if (Mode?.ReplicatedJob === undefined) return [];
  const { MaxConcurrent = 1, TotalCompletions = 1 } = Mode.ReplicatedJob;
  return [
    [1, "Max Concurrent", String(MaxConcurrent)],
    [1, "Total Completions", String(TotalCompletions)],
  ];
}

function policyLines({ Spec: { Murmur } }: Service): Line[] {
  const policy = Murmur?.OnNodeLoss;
  const rebalance: Line[] = Murmur?.Rebalance === "off" ? [[1, "Rebalance", "off"]] : [];
  if (policy === undefined) return rebalance;
  return [
    ...rebalance,
    [1, "On node loss", policy.Action === "wait" ? "wait" : `replace after ${formatDuration(policy.After ?? 0)}`],
  ];
}

function updateStatusLines({ UpdateStatus }: Service): Line[] {
  if (UpdateStatus === undefined) return [];
  const { State, StartedAt, CompletedAt, Message } = UpdateStatus;
  return [
    [0, "UpdateStatus", ""],
    [1, "State", State],
    [1, "Started", StartedAt],
    ...(CompletedAt === undefined ? [] : [[1, "Completed", CompletedAt] as const]),
    [1, "Message", Message],
  ];
}

function placementLines({ Spec: { TaskTemplate, Murmur } }: Service): Line[] {
  const { Constraints = [], Preferences = [], MaxReplicas = 0 } = TaskTemplate.Placement ?? {};
  const lines: Line[] = [];
  if (Constraints.length > 0) lines.push([1, "Constraints", Constraints.join(", ")]);
  for (const { Spread } of Preferences) lines.push([1, "Spread", Spread.SpreadDescriptor]);
  if (MaxReplicas > 0) lines.push([1, "Max Replicas Per Node", String(MaxReplicas)]);
  if (Murmur?.Strategy !== undefined) lines.push([1, "Strategy", Murmur.Strategy]);
  return lines.length === 0 ? [] : [[0, "Placement", ""], ...lines];
}

function configLines(what: "Update" | "Rollback", config: UpdateConfig | undefined): Line[] {
  if (config === undefined) return [];
  const { Parallelism = 1, Delay = 0, FailureAction = "pause", Monitor = 5e9, MaxFailureRatio = 0, Order } = config;
  return [
    [0, `${what}Config`, ""],
    [1, "Parallelism", String(Parallelism)],
    ...(Delay === 0 ? [] : [[1, "Delay", formatDuration(Delay)] as const]),
    [1, "On failure", FailureAction],
    [1, "Monitoring Period", formatDuration(Monitor)],
    [1, "Max failure ratio", String(MaxFailureRatio)],
    [1, `${what} order`, Order ?? "stop-first"],
  ];
}

function containerLines({ Spec: { TaskTemplate } }: Service): Line[] {
  const { Image, Command = [], Args = [], Env = [], Dir, User, Mounts = [], Healthcheck } = TaskTemplate.ContainerSpec;
  const { Secrets = [], Configs = [] } = TaskTemplate.ContainerSpec;
  const lines: Line[] = [
    [0, "ContainerSpec", ""],
    [1, "Image", Image],
  ];
  if (Command.length > 0) lines.push([1, "Command", Command.join(" ")]);
  if (Args.length > 0) lines.push([1, "Args", Args.join(" ")]);
  if (Env.length > 0) lines.push([1, "Env", Env.join(" ")]);
  if (Dir !== undefined && Dir !== "") lines.push([1, "Dir", Dir]);
  if (User !== undefined && User !== "") lines.push([1, "User", User]);
  lines.push(...processLines(TaskTemplate.ContainerSpec));
  if ((Healthcheck?.Test?.length ?? 0) > 0) lines.push([1, "Healthcheck", Healthcheck?.Test?.join(" ") ?? ""]);
  for (const mount of Mounts) lines.push([1, "Mount", mountText(mount)]);
  for (const { SecretName, File } of Secrets) lines.push([1, "Secret", `${SecretName} → ${File.Name}`]);
  for (const { ConfigName, File } of Configs) lines.push([1, "Config", `${ConfigName} → ${File.Name}`]);
  return lines;
}

/** What its processes may do. */
function processLines({
  Init,
  CapabilityAdd = [],
  CapabilityDrop = [],
  Sysctls = {},
  Ulimits = [],
}: ContainerSpec): Line[] {
  const capabilities = [...CapabilityAdd.map((name) => `+${name}`), ...CapabilityDrop.map((name) => `-${name}`)];
  return [
    ...(Init === undefined ? [] : [[1, "Init", String(Init)] as const]),
    ...(capabilities.length === 0 ? [] : [[1, "Capabilities", capabilities.join(" ")] as const]),
    ...Object.entries(Sysctls).map(([key, value]): Line => [1, "Sysctl", `${key}=${value}`]),
    ...Ulimits.map(({ Name, Soft, Hard }): Line => [1, "Ulimit", `${Name}=${String(Soft)}:${String(Hard)}`]),
  ];
}

function logLines({ Spec: { TaskTemplate } }: Service): Line[] {
  if (TaskTemplate.LogDriver === undefined) return [];
  const { Name, Options = {} } = TaskTemplate.LogDriver;
  return [
    [0, "Log Driver", Name ?? ""],
    ...Object.entries(Options).map(([key, value]): Line => [1, `${key}=${value}`]),
  ];
}

function resourceLines({ Spec: { TaskTemplate } }: Service): Line[] {
  const lines: Line[] = [];
  for (const which of ["Reservations", "Limits"] as const) {
    const { NanoCPUs = 0, MemoryBytes = 0 } = TaskTemplate.Resources?.[which] ?? {};
    const generic = which === "Reservations" ? (TaskTemplate.Resources?.Reservations?.GenericResources ?? []) : [];
    const pids = which === "Limits" ? (TaskTemplate.Resources?.Limits?.Pids ?? 0) : 0;
    if (NanoCPUs === 0 && MemoryBytes === 0 && pids === 0 && generic.length === 0) continue;
    lines.push([1, which, ""]);
    if (NanoCPUs > 0) lines.push([2, "CPU", String(NanoCPUs / 1e9)]);
    if (MemoryBytes > 0) lines.push([2, "Memory", humanSize(MemoryBytes)]);
    if (pids > 0) lines.push([2, "Pids", String(pids)]);
    if (generic.length > 0) lines.push([2, "Generic", genericText(generic)]);
  }
  const { SwapBytes, MemorySwappiness } = TaskTemplate.Resources ?? {};
  if (SwapBytes !== undefined) lines.push([1, "Memory Swap", SwapBytes < 0 ? "unlimited" : humanSize(SwapBytes)]);
  if (MemorySwappiness !== undefined) lines.push([1, "Memory Swappiness", String(MemorySwappiness)]);
  return lines.length === 0 ? [] : [[0, "Resources", ""], ...lines];
}

/** Its networks with its other names there, and its virtual addresses. */
function networkLines({ Spec, Endpoint }: Service, networkName: (id: string) => string): Line[] {
  const named = Spec.TaskTemplate.Networks ?? [];
  const addresses = Endpoint.VirtualIPs ?? [];
  const ids = new Set([...named.map(({ Target }) => Target), ...addresses.map(({ NetworkID }) => NetworkID)]);
  if (ids.size === 0) return [];
  const lines = [...ids].map((id): Line => {
    const aliases = named.find(({ Target }) => Target === id)?.Aliases ?? [];
    const also = aliases.length === 0 ? "" : ` (as ${aliases.join(", ")})`;
    const own = addresses.filter(({ NetworkID }) => NetworkID === id).map(({ Addr }) => Addr);
    return [1, networkName(id), (own.join(", ") + also).trim()];
  });
  return [[0, "Networks", ""], ...lines];
}

function portLines({ Endpoint }: Service): Line[] {
  const ports = Endpoint.Ports ?? [];
  if (ports.length === 0) return [];
  return [[0, "Ports", ""], ...ports.map((port): Line => [1, portText(port)])];
}
