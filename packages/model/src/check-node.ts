import { integer, list, object, oneOf, optional, text, type Check } from "./check.ts";
import { resources } from "./check-service.ts";
import type { EngineStatus, NodeDescription, NodeSpec } from "./node.ts";
import { labels, line, objectName } from "./names.ts";
import { LIMITS } from "./limits.ts";
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

/** `IP:port` or `host:port`; which addresses can be reached is not for the state to know. */
export const peerAddress: Check = text({
  min: 3,
  max: 300,
  pattern: /^(\[[0-9a-fA-F:.%]+\]|[a-zA-Z0-9_.-]+):[0-9]{1,5}$/,
  says: "HOST:PORT",
});

export const hostname: Check = text({ min: 1, max: 255, pattern: /^[^\s\p{C}]+$/u, says: "a host's name" });

const short = line(255);

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
  dataPlane: oneOf(["ports", "overlay"]),
});

export const engineStatus: Check = object<EngineStatus>({
  state: oneOf(["ready", "down"]),
  message: line(LIMITS.messageLength),
});

const HEALTHS: readonly Health[] = ["none", "starting", "healthy", "unhealthy"];

/** What an agent reports of a task. */
export const taskStatus: Check = object<TaskStatus>({
  state: oneOf(TASK_STATES),
  at: integer(0, Number.MAX_SAFE_INTEGER),
  message: line(LIMITS.messageLength),
  error: optional(line(LIMITS.messageLength)),
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
