/** Parts of a service's spec that a user may leave out, and that are stored all the same, as what holds then. */
export const DEFAULTED_PARTS = [
  "task.resources",
  "task.resources.limits",
  "task.resources.reservations",
  "task.restart",
  "task.restart.delayMs",
  "task.restart.windowMs",
  "task.placement",
  "update",
  "update.monitorMs",
  "rollback",
  "rollback.monitorMs",
  "endpoint",
] as const;
export type DefaultedPart = (typeof DEFAULTED_PARTS)[number];
