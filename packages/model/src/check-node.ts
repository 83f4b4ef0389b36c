import { integer, list, map, number, object, oneOf, optional, text, type Check } from "./check.ts";
import { gossipKeyName, rootName } from "./check-cluster.ts";
import { dataPlane, subnet } from "./check-network.ts";
import { genericKind, genericName, memoryBytes, nanoCpus } from "./check-service.ts";
import type { DrainGrace, EngineStatus, NodeCertificate, NodeDescription, NodeSpec } from "./node.ts";
import { LIMITS } from "./limits.ts";
import { NODE_VOLUMES_MAX } from "./named-volumes.ts";
import { labels, line, objectName, volumeName } from "./names.ts";
import { AVAILABILITIES, TASK_STATES } from "./states.ts";
import type { NodePermissions } from "./permission.ts";
import { REPLACED_ROOTS_MAX } from "./root-rotation.ts";
import { PORT_PROTOCOLS } from "./service-spec.ts";
import type { Health, PublishedPort, TaskStatus } from "./task.ts";

export const availability: Check = oneOf(AVAILABILITIES);

export const pinnedRole = oneOf(["manager", "worker"]);

export const node: Check = object<NodeSpec>(
  {
    name: optional(objectName),
    labels,
    availability,
    drain: optional(object<DrainGrace>({ deadlineMs: integer(1, LIMITS.drainMs) })),
    pinnedRole: optional(pinnedRole),
  },
  ({ availability: chosen, drain }, path, report) => {
    if (drain !== undefined && chosen !== "drain")
      report(`${path}.drain`, "must be left out unless the availability is drain");
  },
);

/** Which addresses can be reached, and in which form, is not for the state to know. */
export const peerAddress: Check = text({ min: 1, max: 300, pattern: /^[!-~]+$/, says: "an address, HOST:PORT" });

export const hostname: Check = text({ min: 1, max: 255, pattern: /^[^\s\p{C}]+$/u, says: "a host's name" });

const short = line(255);
/** Taken in any form; the state keeps its `singleLine`. */
export const message: Check = text({ max: 65_536 });

/** A count, or different names. */
const genericOffer: Check = (value, path, report) => {
  if (!Array.isArray(value)) return integer(1, LIMITS.genericAmount)(value, path, report);
  list(genericName)(value, path, report);
  if (new Set(value).size < value.length) report(path, "must not have a name twice");
};

const PROTOCOLS_MAX = 1_000_000;

const oneTrue: Check = (value, path, report) => {
  if (value !== true) report(path, "must be true or left out");
};

export const description: Check = object<NodeDescription>({
  hostname,
  platform: object<NodeDescription["platform"]>({ os: short, architecture: short }),
  resources: object<NodeDescription["resources"]>({
    nanoCpus,
    memoryBytes,
    generic: optional(map(genericKind, genericOffer)),
  }),
  engine: object<NodeDescription["engine"]>({
    version: short,
    labels,
    plugins: list(object<NodeDescription["engine"]["plugins"][number]>({ kind: short, name: short })),
  }),
  murmurVersion: short,
  protocol: optional(
    object<NonNullable<NodeDescription["protocol"]>>({
      min: integer(1, PROTOCOLS_MAX),
      max: integer(1, PROTOCOLS_MAX),
    }),
  ),
  dataPlane,
  permits: optional(
    object<NodePermissions>({ privileged: optional(oneTrue), devices: optional(list(line(4_096), 256)) }),
  ),
  subnets: optional(list(subnet, 256)),
});

/** Names of a node's volumes. */
export const volumes: Check = list(volumeName, NODE_VOLUMES_MAX);

/** At most the roots of the rotations that may replace each other, and the two at their ends. */
const ROOTS_MAX = REPLACED_ROOTS_MAX + 4;

export const certificate: Check = object<NodeCertificate>({
  issuer: rootName,
  trusts: list(rootName, ROOTS_MAX),
  statement: optional(rootName),
  gossipKeys: optional(list(gossipKeyName, 16)),
});

export const engineStatus: Check = object<EngineStatus>({
  state: oneOf(["ready", "down"]),
  message: message,
});

const HEALTHS: readonly Health[] = ["none", "starting", "healthy", "unhealthy"];

/** What an agent reports of a task. */
export const taskStatus: Check = object<TaskStatus>({
  state: oneOf(TASK_STATES),
  at: number(0, Number.MAX_SAFE_INTEGER),
  message: message,
  error: optional(message),
  containerId: optional(text({ max: 128 })),
  pid: optional(integer(0, 2 ** 32)),
  exitCode: optional(integer(-(2 ** 31), 2 ** 32)),
  health: optional(oneOf(HEALTHS)),
  address: optional(text({ max: 300 })),
  ports: optional(
    list(
      object<PublishedPort>({
        protocol: oneOf(PORT_PROTOCOLS),
        targetPort: integer(1, 65_535),
        hostPort: integer(1, 65_535),
      }),
    ),
  ),
});
