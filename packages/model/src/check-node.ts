import { integer, list, number, object, oneOf, optional, text, type Check } from "./check.ts";
import { dataPlane, subnet } from "./check-network.ts";
import { resources } from "./check-service.ts";
import type { EngineStatus, NodeDescription, NodeSpec } from "./node.ts";
import { labels, line, objectName } from "./names.ts";
import { AVAILABILITIES, TASK_STATES } from "./states.ts";
import { PORT_PROTOCOLS } from "./service-spec.ts";
import type { Health, PublishedPort, TaskStatus } from "./task.ts";

export const availability: Check = oneOf(AVAILABILITIES);

export const node: Check = object<NodeSpec>({
  name: optional(objectName),
  labels,
  availability,
  pinnedRole: optional(oneOf(["manager", "worker"])),
});

/** Which addresses can be reached, and in which form, is not for the state to know. */
export const peerAddress: Check = text({ min: 1, max: 300, pattern: /^[!-~]+$/, says: "an address, HOST:PORT" });

export const hostname: Check = text({ min: 1, max: 255, pattern: /^[^\s\p{C}]+$/u, says: "a host's name" });

const short = line(255);
/** Taken in any form; the state keeps its `singleLine`. */
export const message: Check = text({ max: 65_536 });

const PROTOCOLS_MAX = 1_000_000;

export const description: Check = object<NodeDescription>({
  hostname,
  platform: object<NodeDescription["platform"]>({ os: short, architecture: short }),
  resources,
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
  subnets: optional(list(subnet, 256)),
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
