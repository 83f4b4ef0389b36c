import type { DefaultedPart } from "./defaulted-part.ts";
import { DEFAULT_RESTART, DEFAULT_UPDATE, type ServiceSpec } from "./service-spec.ts";

const NO_RESOURCES = { nanoCpus: 0, memoryBytes: 0 };
const NO_LIMITS = { ...NO_RESOURCES, pids: 0 };

/** What each part is, and what it is by default. Docker has no strategy, so a placement without more is none. */
const DEFAULTS: Readonly<Record<DefaultedPart, (spec: ServiceSpec) => readonly [value: unknown, byDefault: unknown]>> =
  {
    "task.resources": ({ task }) => [task.resources, { reservations: NO_RESOURCES, limits: NO_LIMITS }],
    "task.resources.limits": ({ task }) => [task.resources.limits, NO_LIMITS],
    "task.resources.reservations": ({ task }) => [task.resources.reservations, NO_RESOURCES],
    "task.restart": ({ task }) => [task.restart, DEFAULT_RESTART],
    "task.restart.delayMs": ({ task }) => [task.restart.delayMs, DEFAULT_RESTART.delayMs],
    "task.restart.windowMs": ({ task }) => [task.restart.windowMs, DEFAULT_RESTART.windowMs],
    "task.placement": ({ task: { placement } }) => [
      { ...placement, strategy: undefined },
      { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
    ],
    update: ({ update }) => [update, DEFAULT_UPDATE],
    "update.monitorMs": ({ update }) => [update.monitorMs, DEFAULT_UPDATE.monitorMs],
    rollback: ({ rollback }) => [rollback, DEFAULT_UPDATE],
    "rollback.monitorMs": ({ rollback }) => [rollback.monitorMs, DEFAULT_UPDATE.monitorMs],
    endpoint: ({ endpoint }) => [endpoint, { mode: "vip", ports: [] }],
  };

/** Whether a part is what it is when nobody says anything of it. */
export function isByDefault(spec: ServiceSpec, part: DefaultedPart): boolean {
  const [value, byDefault] = DEFAULTS[part](spec);
  return textOf(value) === textOf(byDefault);
}

/** The parts are small, and their keys may come in any order. */
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, field: unknown) =>
    typeof field === "object" && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  );
