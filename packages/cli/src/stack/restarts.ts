import type { ServiceStep } from "./service-step.ts";

/**
 * The steps, with those restarted that depend on a changed service with `restart: true`. Only what depends on it directly:
 * a restart is no change of what others depend on.
 */
export function withRestarts(steps: readonly ServiceStep[]): readonly ServiceStep[] {
  const changed = new Set(steps.filter(hasNewTasks).map(({ wish }) => wish.key));
  return steps.map((step) => {
    const dependsOnChanged = step.wish.dependsOn.some(({ restart, service }) => restart && changed.has(service));
    return dependsOnChanged && !hasNewTasks(step) ? restarted(step) : step;
  });
}

/** Whether it is an update that replaces tasks: another number of them replaces none. */
const hasNewTasks = (step: ServiceStep): boolean =>
  step.kind === "update" && step.changes.some(({ field }) => field.startsWith("TaskTemplate."));

/** By Docker's counter of restarts. What is only being made isn't restarted. */
function restarted(step: ServiceStep): ServiceStep {
  if (step.kind === "create") return step;
  const { service, wish } = step;
  const { spec, changes } = step.kind === "update" ? step : { spec: service.Spec, changes: [] };
  const before = spec.TaskTemplate.ForceUpdate ?? 0;
  return {
    kind: "update",
    wish,
    service,
    spec: { ...spec, TaskTemplate: { ...spec.TaskTemplate, ForceUpdate: before + 1 } },
    changes: [...changes, { field: "TaskTemplate.ForceUpdate", before, after: before + 1 }],
  };
}
