import type { Service, UpdateConfig } from "@murmur/model";

/** Whether the tasks are on their way back to the spec before the last one. */
export function isRollingBack(service: Service): boolean {
  const state = service.updateStatus?.state;
  return state === "rollback_started" || state === "rollback_paused";
}

/** The settings by which tasks are replaced at present. */
export const updateConfigOf = (service: Service): UpdateConfig =>
  isRollingBack(service) ? service.spec.rollback : service.spec.update;
