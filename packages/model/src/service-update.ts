import type { Service } from "./service.ts";
import type { UpdateConfig } from "./service-spec.ts";

/** Whether the tasks are on their way back to the spec before the last one. */
export function isRollingBack(service: Service): boolean {
  const state = service.updateStatus?.state;
  return state === "rollback_started" || state === "rollback_paused";
}

/** Whether an update, or the way back, replaces tasks at present. */
export function isUpdating({ updateStatus }: Service): boolean {
  const state = updateStatus?.state;
  return state === "updating" || state === "rollback_started";
}

/** The settings by which tasks are replaced at present. */
export const updateConfigOf = (service: Service): UpdateConfig =>
  isRollingBack(service) ? service.spec.rollback : service.spec.update;
