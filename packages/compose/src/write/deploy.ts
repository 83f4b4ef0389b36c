import type { ComposeDeploy, ComposeResources, ComposeUpdate } from "../project.ts";
import { filled, made, type PlainObject } from "./plain.ts";
import { cpusText, durationText } from "./quantity-text.ts";

/** `deploy`, or nothing where it says nothing. */
export function deployPlain(deploy: ComposeDeploy): PlainObject | undefined {
  const { limits, reservations } = deploy;
  const fields = {
    mode: deploy.mode,
    replicas: deploy.replicas,
    endpoint_mode: deploy.endpointMode,
    labels: filled(deploy.labels),
    placement: made(deploy.placement, ({ constraints, preferences, maxReplicasPerNode }) => ({
      constraints: filled(constraints),
      preferences: filled(preferences.map((spread) => ({ spread }))),
      max_replicas_per_node: maxReplicasPerNode,
    })),
    resources:
      limits === undefined && reservations === undefined
        ? undefined
        : { limits: made(limits, resourcesPlain), reservations: made(reservations, resourcesPlain) },
    restart_policy: made(deploy.restartPolicy, ({ condition, delayMs, maxAttempts, windowMs }) => ({
      condition,
      delay: made(delayMs, durationText),
      max_attempts: maxAttempts,
      window: made(windowMs, durationText),
    })),
    update_config: made(deploy.updateConfig, updatePlain),
    rollback_config: made(deploy.rollbackConfig, updatePlain),
  };
  return Object.values(fields).every((value) => value === undefined) ? undefined : fields;
}

function resourcesPlain({ nanoCpus, memoryBytes, pids, genericResources }: ComposeResources): PlainObject {
  return {
    cpus: made(nanoCpus, cpusText),
    memory: made(memoryBytes, String),
    pids,
    generic_resources: genericResources?.map(({ kind, value }) => ({ discrete_resource_spec: { kind, value } })),
  };
}

function updatePlain(update: ComposeUpdate): PlainObject {
  return {
    parallelism: update.parallelism,
    delay: made(update.delayMs, durationText),
    failure_action: update.failureAction,
    monitor: made(update.monitorMs, durationText),
    max_failure_ratio: update.maxFailureRatio,
    order: update.order,
  };
}
