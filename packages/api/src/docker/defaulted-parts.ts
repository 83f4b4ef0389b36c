import { DEFAULTED_PARTS, type DefaultedPart, type ServiceSpec } from "@murmur/model";
import type { ServiceInput } from "./service-schema.ts";

/** What a body leaves out of those parts for which there is a default; undefined: nothing. */
export function defaultedIn(input: ServiceInput): readonly DefaultedPart[] | undefined {
  const { TaskTemplate, UpdateConfig, RollbackConfig, EndpointSpec } = input;
  const { Resources, RestartPolicy, Placement } = TaskTemplate;
  const isGiven: Readonly<Record<DefaultedPart, boolean>> = {
    "task.resources": Resources !== undefined,
    "task.resources.limits": Resources?.Limits !== undefined,
    "task.resources.reservations": Resources?.Reservations !== undefined,
    "task.restart": RestartPolicy !== undefined,
    "task.restart.delayMs": RestartPolicy?.Delay !== undefined,
    "task.restart.windowMs": RestartPolicy?.Window !== undefined,
    "task.placement": Placement !== undefined,
    update: UpdateConfig !== undefined,
    "update.monitorMs": (UpdateConfig?.Monitor ?? 0) !== 0,
    rollback: RollbackConfig !== undefined,
    "rollback.monitorMs": (RollbackConfig?.Monitor ?? 0) !== 0,
    endpoint: EndpointSpec !== undefined,
  };
  const parts = DEFAULTED_PARTS.filter((part) => !isGiven[part]);
  return parts.length === 0 ? undefined : parts;
}

/** Whether a part is written. */
export type Shows = (part: DefaultedPart) => boolean;

export const showsAll: Shows = () => true;

/** What was given. Of jobs nothing was that is said of updates: they may have none. */
export function showsGiven({ defaulted, mode }: ServiceSpec): Shows {
  const hidden = new Set<DefaultedPart>(defaulted);
  if (mode.kind === "replicated-job" || mode.kind === "global-job") for (const part of OF_UPDATES) hidden.add(part);
  return (part) => !hidden.has(part);
}

const OF_UPDATES = ["update", "rollback"] as const;

/** Docker has no default of these to put in: nothing said is nothing there. */
const NOT_FILLED_IN: readonly DefaultedPart[] = [
  "task.resources.limits",
  "task.resources.reservations",
  "task.restart.windowMs",
  "endpoint",
];

/** What was given, and what `insertDefaults` puts in: with jobs, too, how they would be updated. */
export const showsDefaults =
  ({ defaulted = [] }: ServiceSpec): Shows =>
  (part) =>
    !NOT_FILLED_IN.includes(part) || !defaulted.includes(part);
