import {
  anything,
  boolean,
  byKind,
  integer,
  list,
  map,
  number,
  object,
  oneOf,
  optional,
  problemsOf,
  text,
  type Check,
} from "./check.ts";
import { DATA_PATH_PORTS } from "./cluster.ts";
import {
  cluster,
  gossipKeyName,
  joinSecret,
  namedGossipKey,
  nextRoot,
  pem,
  rootName,
  sealedUnlockKey,
  sealKeyDigest,
  sealKeyName,
  secrets,
} from "./check-cluster.ts";
import { addressPool, dataPlane, network } from "./check-network.ts";
import {
  availability,
  certificate,
  description,
  engineStatus,
  hostname,
  message,
  node,
  peerAddress,
  pinnedRole,
  taskStatus,
  volumes,
} from "./check-node.ts";
import { configText, payload, resealed, sealedLogin, sealedLoginOrNone, sealedText } from "./check-payload.ts";
import { hostIp } from "./check-port.ts";
import { service } from "./check-service.ts";
import type { Cluster } from "./cluster.ts";
import type { Command } from "./command.ts";
import { RESEALED_MAX } from "./seal-key.ts";
import { LIMITS } from "./limits.ts";
import { LEFT_VOLUMES_MAX } from "./named-volumes.ts";
import { dnsName, labels, objectId, objectName, volumeName } from "./names.ts";
import type { RestartHistory, UpdateStatus } from "./service.ts";
import { PORT_PROTOCOLS } from "./service-spec.ts";
import { DESIRED_STATES, NODE_STATES } from "./states.ts";
import type { LeftVolume, Task } from "./task.ts";

type Of<K extends Command["kind"]> = Extract<Command, { kind: K }>;

const index = integer(0, Number.MAX_SAFE_INTEGER);
const time = number(0, Number.MAX_SAFE_INTEGER);
const id = objectId;
const port = integer(1, 65_535);
/** `byKind` has looked at it. */
const kind = anything;
const now = time;

const restartHistory = object<RestartHistory>({
  serviceId: id,
  slot: (value, path, report) => {
    if (typeof value === "string") id(value, path, report);
    else integer(1, LIMITS.replicas)(value, path, report);
  },
  specVersion: index,
  count: integer(0, Number.MAX_SAFE_INTEGER),
  restarts: list(time, LIMITS.restarts),
});

const updateStatus = object<UpdateStatus>({
  state: oneOf(["updating", "paused", "completed", "rollback_started", "rollback_paused", "rollback_completed"]),
  startedAt: time,
  completedAt: optional(time),
  message,
});

const newTask = object<Of<"createTask">["task"]>({
  id,
  serviceId: id,
  serviceName: objectName,
  slot: integer(0, LIMITS.replicas),
  nodeId: optional(id),
  // Compared with the service's own when the command is applied.
  spec: anything,
  specVersion: index,
  serviceLabels: labels,
  endpointPorts: list(
    object<Task["endpointPorts"][number]>({
      protocol: oneOf(PORT_PROTOCOLS),
      targetPort: port,
      publishedPort: integer(0, 65_535),
      mode: oneOf(["ingress", "host"]),
      hostIp: optional(hostIp),
    }),
  ),
  networks: list(object<Task["networks"][number]>({ networkId: id, aliases: list(dnsName) })),
  desiredState: oneOf(DESIRED_STATES),
  notBefore: optional(time),
  status: taskStatus,
  jobIteration: optional(index),
});

/** One rule for each kind: the compiler asks for one when a command is added. */
const RULES: { readonly [K in Command["kind"]]: Check } = {
  createService: object<Of<"createService">>({ kind, now, id, spec: service, registryAuth: optional(sealedLogin) }),
  updateService: object<Of<"updateService">>({
    kind,
    now,
    id,
    version: index,
    spec: service,
    registryAuth: optional(sealedLoginOrNone),
    registryAuthFrom: optional(oneOf(["spec", "previous-spec"])),
  }),
  rollbackService: object<Of<"rollbackService">>({ kind, now, id, version: index, message: optional(message) }),
  moveTasks: object<Of<"moveTasks">>({ kind, now, tasks: list(id, LIMITS.moves), forMs: integer(1, LIMITS.drainMs) }),
  removeService: object<Of<"removeService">>({ kind, now, id }),
  createNetwork: object<Of<"createNetwork">>({ kind, now, id, spec: network }),
  removeNetwork: object<Of<"removeNetwork">>({ kind, now, id }),
  createSecret: object<Of<"createSecret">>({ kind, now, id, spec: payload, sealed: sealedText }),
  updateSecret: object<Of<"updateSecret">>({ kind, now, id, version: index, spec: payload }),
  removeSecret: object<Of<"removeSecret">>({ kind, now, id }),
  createConfig: object<Of<"createConfig">>({ kind, now, id, spec: payload, data: configText }),
  updateConfig: object<Of<"updateConfig">>({ kind, now, id, version: index, spec: payload }),
  removeConfig: object<Of<"removeConfig">>({ kind, now, id }),
  updateNode: object<Of<"updateNode">>({ kind, now, id, version: index, spec: node }),
  removeNode: object<Of<"removeNode">>({ kind, now, id, force: boolean }),
  updateCluster: object<Of<"updateCluster">>({
    kind,
    now,
    version: index,
    spec: cluster,
    unlockKey: optional(sealedUnlockKey),
    nextRoot: optional(nextRoot),
  }),
  rotateJoinSecret: object<Of<"rotateJoinSecret">>({
    kind,
    now,
    version: index,
    joinSecret,
    role: optional(pinnedRole),
  }),
  rotateGossipKey: object<Of<"rotateGossipKey">>({
    kind,
    now,
    next: namedGossipKey,
    ifDue: optional(boolean),
  }),
  rotateSealKey: object<Of<"rotateSealKey">>({ kind, now, next: sealKeyName }),
  createCluster: object<Of<"createCluster">>({
    kind,
    now,
    cluster: object<
      Omit<
        Cluster,
        "version" | "createdAt" | "updatedAt" | "firstIngressRemoved" | "rotation" | "gossipKey" | "sealKey"
      >
    >({
      id,
      spec: cluster,
      caPem: pem,
      secrets,
      unlockKey: optional(sealedUnlockKey),
      dataPlane: optional(dataPlane),
      addressPool: optional(addressPool),
      dataPathPort: optional(integer(DATA_PATH_PORTS.min, DATA_PATH_PORTS.max)),
    }),
    defaultNetworkId: id,
  }),
  createNode: object<Of<"createNode">>({
    kind,
    now,
    id,
    address: peerAddress,
    keyDigest: text({ min: 1, max: 128 }),
    joinSecret: optional(text({ max: 256 })),
    pinnedRole: optional(pinnedRole),
    hostname,
    labels,
    availability,
  }),
  describeNode: object<Of<"describeNode">>({
    kind,
    now,
    id,
    description: optional(description),
    engine: optional(engineStatus),
    address: optional(peerAddress),
    volumes: optional(volumes),
    certificate: optional(certificate),
  }),
  setNodeState: object<Of<"setNodeState">>({ kind, now, id, state: oneOf(NODE_STATES), message }),
  setRaftRoles: object<Of<"setRaftRoles">>({ kind, now, roles: map(id, oneOf(["voter", "learner"])) }),
  advanceRotation: object<Of<"advanceRotation">>({ kind, now, root: rootName, phase: oneOf(["trust", "renew"]) }),
  advanceGossipKey: object<Of<"advanceGossipKey">>({
    kind,
    now,
    name: gossipKeyName,
    phase: oneOf(["install", "use"]),
  }),
  advanceSealKey: object<Of<"advanceSealKey">>({ kind, now, digest: sealKeyDigest, phase: oneOf(["hold", "seal"]) }),
  reseal: object<Of<"reseal">>({ kind, now, things: list(resealed, RESEALED_MAX) }),
  replaceSealKey: object<Of<"replaceSealKey">>({ kind, now, next: sealKeyName, isSealing: boolean }),
  createTask: object<Of<"createTask">>({ kind, now, task: newTask }),
  assignTask: object<Of<"assignTask">>({
    kind,
    now,
    id,
    nodeId: id,
    leftVolumes: optional(list(object<LeftVolume>({ name: volumeName, nodeId: id, hostname }), LEFT_VOLUMES_MAX)),
  }),
  explainTask: object<Of<"explainTask">>({ kind, now, id, message, error: message }),
  setDesiredState: object<Of<"setDesiredState">>({ kind, now, id, desired: oneOf(DESIRED_STATES) }),
  removeTask: object<Of<"removeTask">>({ kind, now, id }),
  reportTasks: object<Of<"reportTasks">>({
    kind,
    now,
    nodeId: id,
    statuses: list(object<Of<"reportTasks">["statuses"][number]>({ id, status: taskStatus }), 10_000),
  }),
  orphanTasks: object<Of<"orphanTasks">>({ kind, now, nodeId: id, message }),
  setUpdateStatus: object<Of<"setUpdateStatus">>({ kind, now, id, specVersion: index, status: updateStatus }),
  recordRestart: object<Of<"recordRestart">>({ kind, now, history: restartHistory }),
  finishRemoveService: object<Of<"finishRemoveService">>({ kind, now, id }),
};

const command = byKind(RULES);

/** The problems of anything that claims to be a command; none when it has the form of one. */
export const validateCommand = (value: unknown): readonly string[] => problemsOf(command, value, LIMITS.commandBytes);
