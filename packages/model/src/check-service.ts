import {
  boolean,
  byKind,
  integer,
  list,
  map,
  number,
  object,
  oneOf,
  optional,
  text,
  type Check,
  type CrossCheck,
} from "./check.ts";
import { container } from "./check-container.ts";
import { port, portsFit } from "./check-port.ts";
import { constraint, spreadKey } from "./constraint.ts";
import { DEFAULTED_PARTS } from "./defaulted-part.ts";
import { isByDefault } from "./is-by-default.ts";
import { LIMITS } from "./limits.ts";
import { NODE_NETWORKS, nodeNetworkOf } from "./node-network.ts";
import { dnsName, labels, objectId, objectName, options } from "./names.ts";
import {
  STRATEGIES,
  type LogDriver,
  type NetworkAttachment,
  type NodeLossPolicy,
  type Placement,
  type ResourceRequirements,
  type Reservations,
  type RestartPolicy,
  type ServiceMode,
  type ServiceSpec,
  type TaskSpec,
  type UpdateConfig,
} from "./service-spec.ts";

const duration = number(0, LIMITS.durationMs);
const count = integer(0, LIMITS.replicas);
export const nanoCpus = integer(0, LIMITS.nanoCpus);
export const memoryBytes = integer(0, LIMITS.memoryBytes);

/** A kind of generic resource: Docker writes it before a `=`, and several apart by commas. */
export const genericKind: Check = text({
  min: 1,
  max: LIMITS.nameLength,
  pattern: /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/,
  says: `1 to ${LIMITS.nameLength} letters, digits, "_", "." or "-", the first a letter or a digit`,
});

/** One of what a node offers of a kind by name. */
export const genericName = text({
  min: 1,
  max: 255,
  pattern: /^[^\s,=\p{C}]+$/u,
  says: 'a name without space, "," and "="',
});

const genericNames: Check = (value, path, report) => {
  list(genericName, GENERIC_NAMES_MAX)(value, path, report);
  if (Array.isArray(value) && (value.length === 0 || new Set(value).size < value.length))
    report(path, "must be names that differ, at least one");
};
/** Of one kind, for one task. */
const GENERIC_NAMES_MAX = 64;

const reservations: Check = object<Reservations>({
  nanoCpus,
  memoryBytes,
  generic: optional(map(genericKind, integer(1, LIMITS.genericAmount))),
  genericNames: optional(map(genericKind, genericNames)),
});

const limitsCoverReservations: CrossCheck<ResourceRequirements> = (requirements, path, report) => {
  const { limits, reservations, swapBytes } = requirements;
  if (swapBytes !== undefined && limits.memoryBytes === 0)
    report(`${path}.swapBytes`, "needs a memory limit: give --limit-memory, too");
  for (const key of ["nanoCpus", "memoryBytes"] as const) {
    if (limits[key] > 0 && limits[key] < reservations[key]) {
      report(`${path}.limits.${key}`, `must not be below the reservation, ${reservations[key]}`);
    }
  }
};

const requirements = object<ResourceRequirements>(
  {
    reservations,
    limits: object<ResourceRequirements["limits"]>({ nanoCpus, memoryBytes, pids: integer(0, LIMITS.pids) }),
    swapBytes: optional(integer(-1, LIMITS.memoryBytes)),
    swappiness: optional(integer(0, 100)),
  },
  limitsCoverReservations,
);

const restart = object<RestartPolicy>({
  condition: oneOf(["none", "on-failure", "any"]),
  delayMs: duration,
  maxAttempts: integer(0, Number.MAX_SAFE_INTEGER),
  windowMs: duration,
});

const platformPart = optional(text({ max: 64, pattern: /^[a-zA-Z0-9_./-]*$/, says: "a platform's name" }));

const placement = object<Placement>({
  constraints: list(constraint),
  preferences: list(object<Placement["preferences"][number]>({ spread: spreadKey }), 64),
  maxReplicasPerNode: count,
  platforms: list(object<Placement["platforms"][number]>({ os: platformPart, architecture: platformPart }), 64),
  strategy: optional(oneOf(STRATEGIES)),
});

const attachment = object<NetworkAttachment>({
  target: objectId,
  aliases: list(dnsName),
  driverOptions: optional(options),
});

export const logDriver: Check = object<LogDriver>({ name: objectName, options });

const networksDiffer: CrossCheck<TaskSpec> = (task, path, report) => {
  if (task.networks.length < 2) return;
  const seen = new Set<string>();
  const own = NODE_NETWORKS.find(({ id }) => task.networks.some(({ target }) => target === id));
  if (own !== undefined && task.networks.some(({ target }) => target !== own.id)) {
    report(
      `${path}.networks`,
      `must name ${own.name} alone: a container sharing network namespace with another container or host cannot be ` +
        "connected to any other network, and none in its node's own networks is in one of the cluster",
    );
  }
  for (const [at, { target, driverOptions }] of task.networks.entries()) {
    if (own !== undefined && driverOptions !== undefined)
      report(`${path}.networks[${at}].driverOptions`, `must be left out in ${own.name}: it has no driver to tell them`);
    if (seen.has(target)) report(`${path}.networks[${at}].target`, "must be another network than those before it");
    seen.add(target);
  }
};

const task = object<TaskSpec>(
  {
    container,
    resources: requirements,
    restart,
    placement,
    networks: list(attachment, 64),
    logDriver: optional(logDriver),
    forceUpdate: integer(0, Number.MAX_SAFE_INTEGER),
  },
  networksDiffer,
);

type Mode<K extends ServiceMode["kind"]> = Extract<ServiceMode, { kind: K }>;
const kind = oneOf(["replicated", "global", "replicated-job", "global-job"]);
const mode = byKind({
  replicated: object<Mode<"replicated">>({ kind, replicas: count }),
  global: object<Mode<"global">>({ kind }),
  "replicated-job": object<Mode<"replicated-job">>({ kind, maxConcurrent: count, totalCompletions: count }),
  "global-job": object<Mode<"global-job">>({ kind }),
});

const update = object<UpdateConfig>({
  parallelism: count,
  delayMs: duration,
  failureAction: oneOf(["pause", "continue", "rollback"]),
  monitorMs: duration,
  maxFailureRatio: number(0, 1),
  order: oneOf(["stop-first", "start-first"]),
});

const rollback: Check = (value, path, report) => {
  let right = true;
  update(value, path, (where, problem) => {
    right = false;
    report(where, problem);
  });
  if (right && (value as UpdateConfig).failureAction === "rollback") {
    report(`${path}.failureAction`, "must be one of pause, continue");
  }
};

const endpoint = object<ServiceSpec["endpoint"]>({ mode: oneOf(["vip", "dnsrr"]), ports: list(port) }, portsFit);

const nodeLossKind = oneOf(["replace", "wait"]);
const onNodeLoss = byKind({
  replace: object<Extract<NodeLossPolicy, { kind: "replace" }>>({
    kind: nodeLossKind,
    afterMs: number(0, LIMITS.nodeLossMs),
  }),
  wait: object<Extract<NodeLossPolicy, { kind: "wait" }>>({ kind: nodeLossKind }),
});

/** No other node finds who is in its node's own network, so nothing can be sent on to it. */
const portsAreReached: CrossCheck<ServiceSpec> = ({ task: { networks }, endpoint: { ports } }, path, report) => {
  const own = nodeNetworkOf({ networks });
  if (own === undefined) return;
  const prefix = path === "" ? "" : `${path}.`;
  for (const [at, port] of ports.entries()) {
    if (port.mode === "host" && own.name !== "none") continue;
    const where = `${prefix}endpoint.ports[${String(at)}].mode`;
    if (own.name === "none") report(where, "must be left out with the port: nothing reaches a task in network none");
    else
      report(where, `must be host in network ${own.name}: no other node can send to a task in its node's own network`);
  }
};

const defaultsHold: CrossCheck<ServiceSpec> = (spec, path, report) => {
  const prefix = path === "" ? "" : `${path}.`;
  for (const part of spec.defaulted ?? [])
    if (!isByDefault(spec, part)) report(`${prefix}${part}`, "must be as it is by default, since it is said to be");
};

export const service: Check = object<ServiceSpec>(
  {
    name: objectName,
    labels,
    mode,
    stopped: optional(boolean),
    task,
    onNodeLoss: optional(onNodeLoss),
    rebalance: optional(oneOf(["off"])),
    update,
    rollback,
    endpoint,
    defaulted: optional(list(oneOf(DEFAULTED_PARTS), DEFAULTED_PARTS.length)),
  },
  (spec, path, report) => {
    portsAreReached(spec, path, report);
    defaultsHold(spec, path, report);
  },
);
