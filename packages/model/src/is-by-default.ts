import type { DefaultedPart } from "./defaulted-part.ts";
import { equal } from "./equal.ts";
import { DEFAULT_RESTART, DEFAULT_UPDATE, type ServiceSpec } from "./service-spec.ts";

const NO_RESOURCES = { nanoCpus: 0, memoryBytes: 0 };
const NO_LIMITS = { ...NO_RESOURCES, pids: 0 };

interface Part {
  readonly byDefault: unknown;
  readonly of: (spec: ServiceSpec) => unknown;
}

/** What each part is, and what it is by default. Docker has no strategy, so a placement without more is none. */
const PARTS: Readonly<Record<DefaultedPart, Part>> = {
  "task.resources": {
    of: ({ task }) => task.resources,
    byDefault: { reservations: NO_RESOURCES, limits: NO_LIMITS },
  },
  "task.resources.limits": { of: ({ task }) => task.resources.limits, byDefault: NO_LIMITS },
  "task.resources.reservations": { of: ({ task }) => task.resources.reservations, byDefault: NO_RESOURCES },
  "task.restart": { of: ({ task }) => task.restart, byDefault: DEFAULT_RESTART },
  "task.restart.delayMs": { of: ({ task }) => task.restart.delayMs, byDefault: DEFAULT_RESTART.delayMs },
  "task.restart.windowMs": { of: ({ task }) => task.restart.windowMs, byDefault: DEFAULT_RESTART.windowMs },
  "task.placement": {
    of: ({ task: { placement } }) => ({ ...placement, strategy: undefined }),
    byDefault: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
  },
  update: { of: ({ update }) => update, byDefault: DEFAULT_UPDATE },
  "update.monitorMs": { of: ({ update }) => update.monitorMs, byDefault: DEFAULT_UPDATE.monitorMs },
  rollback: { of: ({ rollback }) => rollback, byDefault: DEFAULT_UPDATE },
  "rollback.monitorMs": { of: ({ rollback }) => rollback.monitorMs, byDefault: DEFAULT_UPDATE.monitorMs },
  endpoint: { of: ({ endpoint }) => endpoint, byDefault: { mode: "vip", ports: [] } },
};

/** Whether a part is what it is when nobody says anything of it. Asked of each write by each replica. */
export function isByDefault(spec: ServiceSpec, part: DefaultedPart): boolean {
  const { of, byDefault } = PARTS[part];
  return equal(of(spec), byDefault);
}
