import { ClusterError, unreachable } from "@murmur/base";
import {
  containerTemplateProblem,
  DEFAULT_UPDATE,
  parseImageReference,
  validateServiceSpec,
  type ContainerSpec,
  type NodeLossPolicy,
  type ServiceMode,
  type ServiceSpec,
  type Strategy,
  type TaskSpec,
  type UpdateConfig,
} from "@murmur/model";
import { compact } from "./compact.ts";
import { defaultedIn, showsAll, showsDefaults, showsGiven, type Shows } from "./defaulted-parts.ts";
import { parseWith } from "./lenient-object.ts";
import { fromPort, toPorts } from "./port.ts";
import { serviceRefusal } from "./service-refusal.ts";
import { serviceSchema, type ServiceInput, type UpdateInput } from "./service-schema.ts";
import type * as docker from "./service-types.ts";
import { fromTaskSpec, toTaskSpec, withDefaults, type TaskSpecContext } from "./task-spec.ts";
import { toMillis, toNanos } from "./time.ts";

export interface ServiceSpecContext extends TaskSpecContext {
  /** For a service that was given no name. */
  readonly newName: () => string;
  /** What the request changes; left out: it makes a new one. */
  readonly previous?: ServiceSpec;
}

/**
 * A request's body to a spec. Errors: `invalid_argument` that names the field, `not_found` for a network.
 *
 * What Murmur has beyond Docker is in `Murmur` objects, of the spec and of its ports. A change without one, as from a
 * client that doesn't know it, leaves what it would say as it is.
 */
export function toServiceSpec(body: unknown, context: ServiceSpecContext): ServiceSpec {
  const input = parseWith(serviceSchema, body);
  const previous = context.previous?.endpoint.ports ?? [];
  const template = input.TaskTemplate;
  const networks = template.Networks?.length ? template.Networks : input.Networks;
  const mode = toMode(input.Mode);
  const turns = input.UpdateConfig === undefined ? "RollbackConfig" : "UpdateConfig";
  if (isJob(mode) && input[turns] !== undefined) {
    throw new ClusterError("invalid_argument", `Jobs may not have an update config: leave out ${turns}`);
  }
  const strategy = input.Murmur === undefined ? context.previous?.task.placement.strategy : input.Murmur.Strategy;
  const defaulted = defaultedIn(input);
  const spec: ServiceSpec = {
    name: input.Name || context.newName(),
    labels: input.Labels ?? {},
    mode,
    ...(input.Murmur === undefined ? ownOf(context.previous) : toOwn(input.Murmur)),
    task: withDevices(withStrategy(toTaskSpec({ ...template, Networks: networks }, context), strategy), input, context),
    update: toUpdate(input.UpdateConfig),
    rollback: toUpdate(input.RollbackConfig),
    endpoint: { mode: input.EndpointSpec?.Mode ?? "vip", ports: toPorts(input.EndpointSpec?.Ports ?? [], previous) },
    ...(defaulted !== undefined && { defaulted }),
  };
  const problems = validateServiceSpec(spec);
  const unexpanded = containerTemplateProblem(spec.task.container);
  if (unexpanded !== undefined) throw new ClusterError("invalid_argument", `invalid service: ${unexpanded}`);
  if (problems.length > 0) throw new ClusterError("invalid_argument", serviceRefusal(spec, problems));
  const { image } = spec.task.container;
  if (image !== context.previous?.task.container.image && parseImageReference(image) === undefined) {
    throw new ClusterError("invalid_argument", `ContainerSpec: "${image}" is not a valid repository/tag`);
  }
  return spec;
}

const withStrategy = (task: TaskSpec, strategy: Strategy | undefined): TaskSpec =>
  strategy === undefined ? task : { ...task, placement: { ...task.placement, strategy } };

function withDevices(task: TaskSpec, { Murmur }: ServiceInput, { previous }: ServiceSpecContext): TaskSpec {
  const { devices, privileged } = Murmur === undefined ? (previous?.task.container ?? {}) : toDevices(Murmur);
  const isPlain = (devices ?? []).length === 0 && privileged !== true;
  if (isPlain) return task;
  const asked = { ...(devices?.length && { devices }), ...(privileged === true && { privileged }) };
  return { ...task, container: { ...task.container, ...asked } };
}

type Devices = Pick<ContainerSpec, "devices" | "privileged">;

const toDevices = ({ Devices = [], Privileged }: NonNullable<ServiceInput["Murmur"]>): Devices => ({
  devices: Devices.map(({ PathOnHost, PathInContainer, CgroupPermissions }) => ({
    source: PathOnHost,
    target: PathInContainer || PathOnHost,
    permissions: CgroupPermissions || "rwm",
  })),
  ...(Privileged !== undefined && { privileged: Privileged }),
});

const fromDevices = ({ devices = [] }: Devices): NonNullable<docker.ServiceSpec["Murmur"]>["Devices"] =>
  devices.length === 0
    ? undefined
    : devices.map(({ source, target, permissions }) => ({
        PathOnHost: source,
        PathInContainer: target,
        CgroupPermissions: permissions,
      }));

type Own = Pick<ServiceSpec, "stopped" | "onNodeLoss" | "rebalance">;

/** What Docker has no words for. */
const ownOf = ({ stopped, onNodeLoss, rebalance }: Own = {}): Own => ({
  ...(stopped === true && { stopped }),
  ...(onNodeLoss !== undefined && { onNodeLoss }),
  ...(rebalance !== undefined && { rebalance }),
});

function toOwn({ Stopped, OnNodeLoss, Rebalance }: NonNullable<ServiceInput["Murmur"]>): Own {
  const after = toMillis(OnNodeLoss?.After ?? 0);
  const policy: NodeLossPolicy = OnNodeLoss?.Action === "wait" ? { kind: "wait" } : { kind: "replace", afterMs: after };
  const isDefault = policy.kind === "replace" && policy.afterMs === 0;
  return ownOf({
    stopped: Stopped === true,
    ...(!isDefault && { onNodeLoss: policy }),
    ...(Rebalance === "off" && { rebalance: Rebalance }),
  });
}

function fromOwn(spec: Own & Pick<ServiceSpec, "task">): docker.ServiceSpec["Murmur"] {
  const { stopped, onNodeLoss, rebalance, task } = spec;
  const { strategy } = task.placement;
  const { container } = task;
  const devices = fromDevices(container);
  const isPlain = devices === undefined && container.privileged !== true && strategy === undefined;
  if (isPlain && stopped !== true && onNodeLoss === undefined && rebalance === undefined) return undefined;
  return compact<NonNullable<docker.ServiceSpec["Murmur"]>>({
    Stopped: stopped === true || undefined,
    Strategy: strategy,
    Devices: devices,
    Privileged: container.privileged === true || undefined,
    OnNodeLoss: onNodeLoss && fromNodeLoss(onNodeLoss),
    Rebalance: rebalance,
  });
}

const fromNodeLoss = (policy: NodeLossPolicy): docker.NodeLoss =>
  policy.kind === "wait" ? { Action: "wait" } : { Action: "replace", After: toNanos(policy.afterMs) };

function toMode(input: ServiceInput["Mode"]): ServiceMode {
  if (input?.Global !== undefined) return { kind: "global" };
  if (input?.GlobalJob !== undefined) return { kind: "global-job" };
  if (input?.ReplicatedJob !== undefined) {
    const maxConcurrent = input.ReplicatedJob.MaxConcurrent ?? 1;
    return {
      kind: "replicated-job",
      maxConcurrent,
      totalCompletions: input.ReplicatedJob.TotalCompletions ?? maxConcurrent,
    };
  }
  return { kind: "replicated", replicas: input?.Replicated?.Replicas ?? 1 };
}

const isJob = ({ kind }: ServiceMode): boolean => kind === "replicated-job" || kind === "global-job";

/** As Docker: without the object all defaults hold, in it a missing parallelism is 0, "all at once". */
function toUpdate(input: UpdateInput | undefined): UpdateConfig {
  if (input === undefined) return DEFAULT_UPDATE;
  return {
    parallelism: input.Parallelism ?? 0,
    delayMs: toMillis(input.Delay ?? 0),
    failureAction: input.FailureAction ?? DEFAULT_UPDATE.failureAction,
    monitorMs: input.Monitor === undefined || input.Monitor === 0 ? DEFAULT_UPDATE.monitorMs : toMillis(input.Monitor),
    maxFailureRatio: input.MaxFailureRatio ?? 0,
    order: input.Order ?? DEFAULT_UPDATE.order,
  };
}

/** A spec as Docker writes it: as it was given. */
export const fromServiceSpec = (spec: ServiceSpec): docker.ServiceSpec => written(spec, showsGiven(spec));

/** With what `insertDefaults` asks for: the values that hold although nobody named them. */
export const withServiceDefaults = (spec: ServiceSpec): docker.ServiceSpec =>
  withTaskDefaults(written(spec, showsDefaults(spec)));

/** All that holds, whether somebody named it or not: what says the same is the same. */
export const wholeServiceSpec = (spec: ServiceSpec): docker.ServiceSpec => withTaskDefaults(written(spec, showsAll));

const withTaskDefaults = (spec: docker.ServiceSpec): docker.ServiceSpec => ({
  ...spec,
  TaskTemplate: withDefaults(spec.TaskTemplate),
});

function written(spec: ServiceSpec, shows: Shows): docker.ServiceSpec {
  const updates = (name: "update" | "rollback"): docker.UpdateConfig | undefined =>
    shows(name) ? fromUpdate(spec[name], shows(`${name}.monitorMs`)) : undefined;
  return compact<docker.ServiceSpec>({
    Name: spec.name,
    Labels: { ...spec.labels },
    TaskTemplate: fromTaskSpec(spec.task, shows),
    Mode: fromMode(spec.mode),
    UpdateConfig: updates("update"),
    RollbackConfig: updates("rollback"),
    EndpointSpec: shows("endpoint") ? fromEndpoint(spec.endpoint) : undefined,
    Murmur: fromOwn(spec),
  });
}

function fromMode(mode: ServiceMode): docker.ServiceMode {
  switch (mode.kind) {
    case "replicated":
      return { Replicated: { Replicas: mode.replicas } };
    case "global":
      return { Global: {} };
    case "replicated-job":
      return { ReplicatedJob: { MaxConcurrent: mode.maxConcurrent, TotalCompletions: mode.totalCompletions } };
    case "global-job":
      return { GlobalJob: {} };
    default:
      return unreachable(mode);
  }
}

const fromUpdate = (update: UpdateConfig, showsMonitor: boolean): docker.UpdateConfig =>
  compact<docker.UpdateConfig>({
    Parallelism: update.parallelism,
    Delay: toNanos(update.delayMs) || undefined,
    FailureAction: update.failureAction,
    Monitor: showsMonitor ? toNanos(update.monitorMs) : undefined,
    MaxFailureRatio: update.maxFailureRatio,
    Order: update.order,
  });

const fromEndpoint = (endpoint: ServiceSpec["endpoint"]): docker.EndpointSpec =>
  compact<docker.EndpointSpec>({
    Mode: endpoint.mode,
    Ports: endpoint.ports.length === 0 ? undefined : endpoint.ports.map(fromPort),
  });
