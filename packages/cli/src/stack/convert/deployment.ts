import type {
  GenericResource,
  Placement,
  ResourceRequirements,
  RestartPolicy,
  ServiceMode,
  UpdateConfig,
} from "@murmur/api";
import type { ComposeResources, ComposeService, ComposeUpdate } from "@murmur/compose";
import { invalid } from "../../argument-error.ts";
import { nanoseconds } from "./nanoseconds.ts";
import { resourceKind } from "./unsupported.ts";

/**
 * How many tasks, and of which kind. `awaited`: others start when it has completed, so that where the file names no mode
 * it is a job: a service that is started again and again never completes.
 */
export function modeOf({ name, deploy }: ComposeService, awaited: boolean): ServiceMode {
  const { replicas } = deploy;
  const mode = deploy.mode ?? (awaited ? "replicated-job" : "replicated");
  const alone = (): void => {
    if (replicas !== undefined)
      throw invalid(`services.${name}.deploy.replicas: can only be used with replicated or replicated-job mode`);
  };
  switch (mode) {
    case "replicated":
      return { Replicated: { Replicas: replicas ?? 1 } };
    case "global":
      alone();
      return { Global: {} };
    case "replicated-job":
      return { ReplicatedJob: { MaxConcurrent: replicas ?? 1, TotalCompletions: replicas ?? 1 } };
    case "global-job":
      alone();
      return { GlobalJob: {} };
  }
}

/** `deploy.restart_policy`, else `restart`. Errors: `invalid_argument`. */
export function restartOf(service: ComposeService, isJob: boolean): RestartPolicy | undefined {
  const { restartPolicy } = service.deploy;
  if (restartPolicy !== undefined) {
    const { condition, delayMs, maxAttempts, windowMs } = restartPolicy;
    return {
      ...(condition !== undefined && { Condition: condition }),
      ...(delayMs !== undefined && { Delay: nanoseconds(delayMs) }),
      ...(maxAttempts !== undefined && { MaxAttempts: maxAttempts }),
      ...(windowMs !== undefined && { Window: nanoseconds(windowMs) }),
    };
  }
  const [word = "", count] = (service.restart ?? "").split(":");
  switch (word) {
    case "":
      // A job that has done its work isn't started again.
      return isJob ? { Condition: "on-failure" } : undefined;
    case "no":
      return { Condition: "none" };
    case "always":
    case "unless-stopped":
      return { Condition: isJob ? "on-failure" : "any" };
    case "on-failure":
      return { Condition: "on-failure", ...(count !== undefined && { MaxAttempts: Number(count) }) };
    default:
      throw invalid(`services.${service.name}.restart: '${word}' is none of no, always, on-failure, unless-stopped`);
  }
}

export function resourcesOf({ deploy, deviceRequests }: ComposeService): ResourceRequirements | undefined {
  const { limits, reservations } = deploy;
  const generic: GenericResource[] = [
    ...(reservations?.genericResources ?? []).map(({ kind, value }) => discrete(kind, value)),
    ...deviceRequests.flatMap((request) => {
      const kind = resourceKind(request);
      return kind === undefined ? [] : [discrete(kind, request.count ?? 0)];
    }),
  ];
  const asked = { ...amounts(reservations), ...(generic.length > 0 && { GenericResources: generic }) };
  const most = { ...amounts(limits), ...(limits?.pids !== undefined && { Pids: limits.pids }) };
  const both = {
    ...(Object.keys(most).length > 0 && { Limits: most }),
    ...(Object.keys(asked).length > 0 && { Reservations: asked }),
  };
  return Object.keys(both).length === 0 ? undefined : both;
}

const discrete = (Kind: string, Value: number): GenericResource => ({ DiscreteResourceSpec: { Kind, Value } });

const amounts = (resources: ComposeResources | undefined): { NanoCPUs?: number; MemoryBytes?: number } => ({
  ...(resources?.nanoCpus !== undefined && { NanoCPUs: resources.nanoCpus }),
  ...(resources?.memoryBytes !== undefined && { MemoryBytes: resources.memoryBytes }),
});

export function placementOf({ deploy: { placement } }: ComposeService): Placement | undefined {
  if (placement === undefined) return undefined;
  const { constraints, preferences, maxReplicasPerNode } = placement;
  return {
    ...(constraints.length > 0 && { Constraints: [...constraints] }),
    ...(preferences.length > 0 && {
      Preferences: preferences.map((SpreadDescriptor) => ({ Spread: { SpreadDescriptor } })),
    }),
    ...(maxReplicasPerNode !== undefined && { MaxReplicas: maxReplicasPerNode }),
  };
}

/** As Docker: what is left out of it is the default, of a parallelism 1. */
export function updateOf(update: ComposeUpdate | undefined): UpdateConfig | undefined {
  if (update === undefined) return undefined;
  const { parallelism = 1, delayMs, failureAction, monitorMs, maxFailureRatio, order } = update;
  return {
    Parallelism: parallelism,
    ...(delayMs !== undefined && { Delay: nanoseconds(delayMs) }),
    ...(failureAction !== undefined && { FailureAction: failureAction }),
    ...(monitorMs !== undefined && { Monitor: nanoseconds(monitorMs) }),
    ...(maxFailureRatio !== undefined && { MaxFailureRatio: maxFailureRatio }),
    ...(order !== undefined && { Order: order }),
  };
}
