import { ClusterError, unreachable } from "@murmur/base";
import {
  DEFAULT_UPDATE,
  validateServiceSpec,
  type ServiceMode,
  type ServiceSpec,
  type UpdateConfig,
} from "@murmur/model";
import { compact } from "./compact.ts";
import { parseWith } from "./lenient-object.ts";
import { fromPort, toPorts } from "./port.ts";
import { serviceSchema, type ServiceInput, type UpdateInput } from "./service-schema.ts";
import type * as docker from "./service-types.ts";
import { fromTaskSpec, toTaskSpec, type FindNetwork } from "./task-spec.ts";
import { toMillis, toNanos } from "./time.ts";

export interface ServiceSpecContext {
  readonly findNetwork: FindNetwork;
  /** For a service that was given no name. */
  readonly newName: () => string;
  /** What the request changes; left out: it makes a new one. */
  readonly previous?: ServiceSpec;
}

/**
 * A request's body to a spec. Errors: `invalid_argument` that names the field, `not_found` for a network.
 *
 * What Murmur has beyond Docker is in the `Murmur` objects of the ports; there is none at the top of a spec yet.
 */
export function toServiceSpec(body: unknown, context: ServiceSpecContext): ServiceSpec {
  const input = parseWith(serviceSchema, body);
  const previous = context.previous?.endpoint.ports ?? [];
  const template = input.TaskTemplate;
  const networks = template.Networks?.length ? template.Networks : input.Networks;
  const spec: ServiceSpec = {
    name: input.Name || context.newName(),
    labels: input.Labels ?? {},
    mode: toMode(input.Mode),
    task: toTaskSpec({ ...template, Networks: networks }, context.findNetwork),
    update: toUpdate(input.UpdateConfig),
    rollback: toUpdate(input.RollbackConfig),
    endpoint: { mode: input.EndpointSpec?.Mode ?? "vip", ports: toPorts(input.EndpointSpec?.Ports ?? [], previous) },
  };
  const problems = validateServiceSpec(spec);
  if (problems.length > 0) throw new ClusterError("invalid_argument", `invalid service: ${problems.join("; ")}`);
  return spec;
}

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

/** A spec as Docker writes it. */
export function fromServiceSpec(spec: ServiceSpec): docker.ServiceSpec {
  return {
    Name: spec.name,
    Labels: { ...spec.labels },
    TaskTemplate: fromTaskSpec(spec.task),
    Mode: fromMode(spec.mode),
    UpdateConfig: fromUpdate(spec.update),
    RollbackConfig: fromUpdate(spec.rollback),
    EndpointSpec: fromEndpoint(spec.endpoint),
  };
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

const fromUpdate = (update: UpdateConfig): docker.UpdateConfig => ({
  Parallelism: update.parallelism,
  Delay: toNanos(update.delayMs),
  FailureAction: update.failureAction,
  Monitor: toNanos(update.monitorMs),
  MaxFailureRatio: update.maxFailureRatio,
  Order: update.order,
});

const fromEndpoint = (endpoint: ServiceSpec["endpoint"]): docker.EndpointSpec =>
  compact<docker.EndpointSpec>({
    Mode: endpoint.mode,
    Ports: endpoint.ports.length === 0 ? undefined : endpoint.ports.map(fromPort),
  });
