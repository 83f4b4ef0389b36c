import { ClusterError } from "@murmur/base";
import {
  type Constraint,
  type DataPlaneKind,
  DEFAULT_RESTART,
  DEFAULT_STOP_GRACE_MS,
  formatConstraint,
  type NetworkAttachment,
  type NetworkId,
  parseConstraint,
  type Placement,
  type Reservations,
  type ResourceRequirements,
  type RestartPolicy,
  type TaskSpec,
} from "@murmur/model";
import { compact } from "./compact.ts";
import { showsAll, type Shows } from "./defaulted-parts.ts";
import { fromGenericAsked, toGeneric } from "./generic-resources.ts";
import { fromContainerSpec, toContainerSpec } from "./container-spec.ts";
import type { FindPayload } from "./payload-reference.ts";
import type { TaskInput } from "./service-schema.ts";
import type * as docker from "./service-types.ts";
import { toMillis, toNanos } from "./time.ts";

/** Finds a network by name or id. Errors: `not_found`. */
type FindNetwork = (nameOrId: string) => NetworkId;

export interface TaskSpecContext {
  readonly findNetwork: FindNetwork;
  readonly findPayload: FindPayload;
  readonly dataPlane: DataPlaneKind;
}

/** Docker's task template to the model; what it leaves out gets Docker's defaults. */
export function toTaskSpec(input: TaskInput, { findNetwork, findPayload, dataPlane }: TaskSpecContext): TaskSpec {
  const log = input.LogDriver;
  const hasLog = log !== undefined && ((log.Name ?? "") !== "" || Object.keys(log.Options ?? {}).length > 0);
  return compact<TaskSpec>({
    container: toContainerSpec(input.ContainerSpec, findPayload),
    resources: toResources(input.Resources),
    restart: toRestart(input.RestartPolicy),
    placement: toPlacement(input.Placement),
    networks: (input.Networks ?? []).map((network): NetworkAttachment => {
      const { Target, Aliases = [], DriverOpts: driverOptions = {} } = network;
      const attachment = { target: findNetwork(Target), aliases: Aliases };
      if (Object.keys(driverOptions).length === 0) return attachment;
      if (dataPlane !== "ports") return { ...attachment, driverOptions };
      const why = "this cluster's data plane is ports: its tasks are in no network of their engine's";
      throw new ClusterError("invalid_argument", `TaskTemplate.Networks.DriverOpts: ${why}; leave it out`);
    }),
    logDriver: hasLog ? { name: log.Name ?? "", options: log.Options ?? {} } : undefined,
    forceUpdate: input.ForceUpdate ?? 0,
  });
}

function toResources(input: TaskInput["Resources"]): ResourceRequirements {
  const { Limits: limits, Reservations: reservations, SwapBytes, MemorySwappiness } = input ?? {};
  return compact<ResourceRequirements>({
    reservations: compact<Reservations>({
      nanoCpus: reservations?.NanoCPUs ?? 0,
      memoryBytes: reservations?.MemoryBytes ?? 0,
      ...toGeneric(reservations?.GenericResources),
    }),
    limits: { nanoCpus: limits?.NanoCPUs ?? 0, memoryBytes: limits?.MemoryBytes ?? 0, pids: limits?.Pids ?? 0 },
    swapBytes: SwapBytes,
    swappiness: MemorySwappiness === -1 ? undefined : MemorySwappiness,
  });
}

function toRestart(input: TaskInput["RestartPolicy"]): RestartPolicy {
  return {
    condition: input?.Condition ?? DEFAULT_RESTART.condition,
    delayMs: input?.Delay === undefined ? DEFAULT_RESTART.delayMs : toMillis(input.Delay),
    maxAttempts: input?.MaxAttempts ?? DEFAULT_RESTART.maxAttempts,
    windowMs: input?.Window === undefined ? DEFAULT_RESTART.windowMs : toMillis(input.Window),
  };
}

function toPlacement(input: TaskInput["Placement"]): Placement {
  return {
    constraints: (input?.Constraints ?? []).map(toConstraint),
    preferences: (input?.Preferences ?? []).flatMap(({ Spread }) =>
      Spread === undefined ? [] : [{ spread: Spread.SpreadDescriptor }],
    ),
    maxReplicasPerNode: input?.MaxReplicas ?? 0,
    platforms: (input?.Platforms ?? []).map(({ OS, Architecture }) =>
      compact<Placement["platforms"][number]>({ os: OS || undefined, architecture: Architecture || undefined }),
    ),
  };
}

function toConstraint(line: string): Constraint {
  const parsed = parseConstraint(line);
  if ("problem" in parsed) {
    const isPlain = !/[=!]=/.test(line);
    const words = isPlain ? `constraint expected one operator from ==, !=: ${parsed.problem}` : parsed.problem;
    throw new ClusterError("invalid_argument", words);
  }
  return parsed;
}

/** The model to Docker's task template; fields at their "nothing said" value are left out. */
export function fromTaskSpec(spec: TaskSpec, shows: Shows = showsAll): docker.TaskSpec {
  const { logDriver } = spec;
  return compact<docker.TaskSpec>({
    ContainerSpec: fromContainerSpec(spec.container),
    Resources: shows("task.resources") ? fromResources(spec.resources, shows) : undefined,
    RestartPolicy: shows("task.restart") ? fromRestart(spec.restart, shows) : undefined,
    Placement: shows("task.placement") ? fromPlacement(spec.placement) : undefined,
    Networks: orNone(
      spec.networks.map(({ target, aliases, driverOptions }) =>
        compact<docker.NetworkAttachmentConfig>({
          Target: target,
          Aliases: orNone([...aliases]),
          DriverOpts: driverOptions && { ...driverOptions },
        }),
      ),
    ),
    LogDriver: logDriver === undefined ? undefined : { Name: logDriver.name, Options: { ...logDriver.options } },
    ForceUpdate: spec.forceUpdate,
    Runtime: "container",
  });
}

const fromRestart = (restart: RestartPolicy, shows: Shows): docker.RestartPolicy =>
  compact<docker.RestartPolicy>({
    Condition: restart.condition,
    Delay: shows("task.restart.delayMs") ? toNanos(restart.delayMs) : undefined,
    MaxAttempts: restart.maxAttempts,
    Window: shows("task.restart.windowMs") ? toNanos(restart.windowMs) : undefined,
  });

const fromPlacement = ({ constraints, preferences, maxReplicasPerNode, platforms }: Placement): docker.Placement =>
  compact<docker.Placement>({
    Constraints: orNone(constraints.map(formatConstraint)),
    Preferences: orNone(preferences.map(({ spread }) => ({ Spread: { SpreadDescriptor: spread } }))),
    MaxReplicas: maxReplicasPerNode || undefined,
    Platforms: orNone(
      platforms.map(({ os, architecture }) => compact<docker.Platform>({ OS: os, Architecture: architecture })),
    ),
  });

type Limits = NonNullable<docker.ResourceRequirements["Limits"]>;
type Reserved = NonNullable<docker.ResourceRequirements["Reservations"]>;

function fromResources(resources: ResourceRequirements, shows: Shows): docker.ResourceRequirements {
  const { limits, reservations, swapBytes, swappiness } = resources;
  const Limits = compact<Limits>({
    NanoCPUs: limits.nanoCpus || undefined,
    MemoryBytes: limits.memoryBytes || undefined,
    Pids: limits.pids || undefined,
  });
  const Reservations = compact<Reserved>({
    NanoCPUs: reservations.nanoCpus || undefined,
    MemoryBytes: reservations.memoryBytes || undefined,
    GenericResources: fromGenericAsked(reservations),
  });
  return compact<docker.ResourceRequirements>({
    Limits: shows("task.resources.limits") ? Limits : undefined,
    Reservations: shows("task.resources.reservations") ? Reservations : undefined,
    SwapBytes: swapBytes,
    MemorySwappiness: swappiness,
  });
}

const orNone = <T>(list: T[]): T[] | undefined => (list.length === 0 ? undefined : list);

/** What holds of a container that says nothing of it. */
export const withDefaults = (task: docker.TaskSpec): docker.TaskSpec => ({
  ...task,
  ContainerSpec: { StopGracePeriod: toNanos(DEFAULT_STOP_GRACE_MS), DNSConfig: {}, ...task.ContainerSpec },
});
