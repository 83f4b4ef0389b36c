import { ClusterError, type Millis } from "@murmur/base";
import {
  DATA_PATH_PORTS,
  DEFAULT_ADDRESS_POOL,
  DEFAULT_CLUSTER_SPEC,
  DEFAULT_DATA_PATH_PORT,
  DEFAULT_REBALANCE,
  hostOf,
  subnetsOf,
  validateClusterSpec,
  type Cluster,
  type ClusterSpec,
  type ExternalCa,
  type RaftSettings,
  type RebalancePolicy,
} from "@murmur/model";
import type { InitRequest, JoinRequest } from "../ports.ts";
import { DOCKER_SUBNET_SIZE, toDataPlane } from "./address-pool.ts";
import { compact } from "./compact.ts";
import { parseWith } from "./lenient-object.ts";
import type { z } from "zod";
import {
  DOCKER_DEFAULTS,
  initSchema,
  joinSchema,
  swarmSchema,
  unlockSchema,
  type externalCa,
  type SwarmInput,
} from "./swarm-schema.ts";
import type * as docker from "./swarm-types.ts";
import { toMillis, toNanos, toTimestamp } from "./time.ts";
import { toTlsInfo } from "./tls-info.ts";

/** The cluster as Docker shows it; its secrets are not in it. */
export function fromCluster(cluster: Cluster): docker.ClusterInfo {
  const { dataPlane: plane = "ports", addressPool: pool = DEFAULT_ADDRESS_POOL } = cluster;
  return {
    ID: cluster.id,
    Version: { Index: cluster.version },
    CreatedAt: toTimestamp(cluster.createdAt),
    UpdatedAt: toTimestamp(cluster.updatedAt),
    Spec: fromClusterSpec(cluster.spec),
    TLSInfo: toTlsInfo(cluster),
    RootRotationInProgress: cluster.rotation !== undefined,
    DefaultAddrPool: plane === "overlay" ? [...subnetsOf(pool)] : null,
    SubnetSize: pool.subnetLength,
    DataPathPort: cluster.dataPathPort ?? DEFAULT_DATA_PATH_PORT,
    Murmur: { DataPlane: plane },
  };
}

function fromClusterSpec(spec: ClusterSpec): docker.SwarmSpec {
  const { logDriver, raft = {} } = spec;
  return {
    Name: spec.name,
    Labels: { ...spec.labels },
    Orchestration: { TaskHistoryRetentionLimit: spec.taskHistoryLimit },
    Raft: {
      SnapshotInterval: raft.snapshotInterval ?? DOCKER_DEFAULTS.SnapshotInterval,
      KeepOldSnapshots: raft.keepOldSnapshots ?? 0,
      LogEntriesForSlowFollowers: raft.logEntriesForSlowFollowers ?? DOCKER_DEFAULTS.LogEntriesForSlowFollowers,
      ElectionTick: raft.electionTick ?? DOCKER_DEFAULTS.ElectionTick,
      HeartbeatTick: raft.heartbeatTick ?? DOCKER_DEFAULTS.HeartbeatTick,
    },
    Dispatcher: {
      HeartbeatPeriod:
        spec.heartbeatPeriodMs === undefined ? DOCKER_DEFAULTS.HeartbeatPeriod : toNanos(spec.heartbeatPeriodMs),
    },
    CAConfig: {
      NodeCertExpiry: toNanos(spec.nodeCertificateValidityMs),
      ...(spec.externalCas && { ExternalCAs: spec.externalCas.map(fromExternalCa) }),
      ...(spec.forceRotate !== undefined && { ForceRotate: spec.forceRotate }),
    },
    TaskDefaults:
      logDriver === undefined ? {} : { LogDriver: { Name: logDriver.name, Options: { ...logDriver.options } } },
    EncryptionConfig: { AutoLockManagers: spec.autolock === true },
    Murmur: {
      Voters: spec.voters,
      ...(spec.strategy !== undefined && { Strategy: spec.strategy }),
      ...(spec.gossipKeyRotationMs !== undefined && { GossipKeyRotation: toNanos(spec.gossipKeyRotationMs) }),
      ...(spec.rebalance !== undefined && { Rebalance: fromRebalance(spec.rebalance) }),
    },
  };
}

const fromExternalCa = ({ protocol, url, options, caPem }: ExternalCa): docker.ExternalCA => ({
  Protocol: protocol,
  URL: url,
  ...(options && { Options: { ...options } }),
  CACert: caPem ?? "",
});

/** Whoever says anything of the authority says this, too: that is how one gets rid of them. */
function mergeExternalCas(
  config: SwarmInput["CAConfig"],
  before: ClusterSpec["externalCas"],
): ClusterSpec["externalCas"] {
  if (config === undefined) return before;
  const { ExternalCAs: given = [] } = config;
  if (given.length === 0) return undefined;
  return given.map(toExternalCa);
}

export const toExternalCa = ({
  Protocol,
  URL: url,
  Options = {},
  CACert = "",
}: z.infer<typeof externalCa>): ExternalCa => ({
  protocol: Protocol,
  url,
  ...(Object.keys(Options).length > 0 && { options: Options }),
  ...(CACert !== "" && { caPem: CACert }),
});

/**
 * A request's body to a spec. A number that it leaves out, or gives as nothing, stays as it is in `current`. Labels and the
 * log driver are those of the body, as with Docker: that is how one gets rid of them.
 */
export function toClusterSpec(body: unknown, current: ClusterSpec): ClusterSpec {
  return merge(parseWith(swarmSchema, body), current);
}

function merge(input: SwarmInput, current: ClusterSpec): ClusterSpec {
  const log = input.TaskDefaults?.LogDriver;
  const spec = compact<ClusterSpec>({
    name: input.Name || current.name,
    labels: input.Labels ?? {},
    taskHistoryLimit: input.Orchestration?.TaskHistoryRetentionLimit ?? current.taskHistoryLimit,
    voters: input.Murmur?.Voters ?? current.voters,
    nodeCertificateValidityMs: input.CAConfig?.NodeCertExpiry
      ? toMillis(input.CAConfig.NodeCertExpiry)
      : current.nodeCertificateValidityMs,
    // Who leaves it out, or knows nothing of it, wants no other root.
    forceRotate: input.CAConfig?.ForceRotate || current.forceRotate,
    gossipKeyRotationMs:
      input.Murmur?.GossipKeyRotation === undefined
        ? current.gossipKeyRotationMs
        : toMillis(input.Murmur.GossipKeyRotation),
    externalCas: mergeExternalCas(input.CAConfig, current.externalCas),
    strategy: input.Murmur?.Strategy ?? current.strategy,
    logDriver: log?.Name ? { name: log.Name, options: log.Options ?? {} } : undefined,
    rebalance: mergeRebalance(input.Murmur?.Rebalance, current.rebalance),
    raft: mergeRaft(input.Raft, current.raft),
    autolock: (input.EncryptionConfig?.AutoLockManagers ?? current.autolock) || undefined,
    heartbeatPeriodMs: mergeHeartbeat(input.Dispatcher?.HeartbeatPeriod, current.heartbeatPeriodMs),
  });
  return checked(spec);
}

const fromRebalance = ({ movesAtOnce, calmMs, restMs }: RebalancePolicy): docker.Rebalance => ({
  Policy: "on",
  MovesAtOnce: movesAtOnce,
  Calm: toNanos(calmMs),
  Rest: toNanos(restMs),
});

function mergeRebalance(
  input: NonNullable<SwarmInput["Murmur"]>["Rebalance"],
  current: ClusterSpec["rebalance"],
): ClusterSpec["rebalance"] {
  if (input === undefined) return current;
  if (input.Policy === "off") return undefined;
  const { movesAtOnce, calmMs, restMs } = current ?? DEFAULT_REBALANCE;
  return {
    movesAtOnce: input.MovesAtOnce ?? movesAtOnce,
    calmMs: input.Calm === undefined ? calmMs : toMillis(input.Calm),
    restMs: input.Rest === undefined ? restMs : toMillis(input.Rest),
  };
}

/** What Docker reports by default is not kept as if somebody had asked for it: its clients send back what they were shown. */
const asked = (value: number | undefined, shown: number, before: number | undefined): number | undefined =>
  before === undefined && value === shown ? undefined : value || before;

function mergeHeartbeat(nanos: number | undefined, before: Millis | undefined): Millis | undefined {
  const period = nanos === undefined ? undefined : toMillis(nanos);
  return asked(period, toMillis(DOCKER_DEFAULTS.HeartbeatPeriod), before);
}

function mergeRaft(input: SwarmInput["Raft"], current: ClusterSpec["raft"]): ClusterSpec["raft"] {
  const settings = compact<RaftSettings>({
    snapshotInterval: asked(input?.SnapshotInterval, DOCKER_DEFAULTS.SnapshotInterval, current?.snapshotInterval),
    // The one of these for which 0 says something.
    keepOldSnapshots: (input?.KeepOldSnapshots ?? current?.keepOldSnapshots) || undefined,
    logEntriesForSlowFollowers: asked(
      input?.LogEntriesForSlowFollowers,
      DOCKER_DEFAULTS.LogEntriesForSlowFollowers,
      current?.logEntriesForSlowFollowers,
    ),
    electionTick: asked(input?.ElectionTick, DOCKER_DEFAULTS.ElectionTick, current?.electionTick),
    heartbeatTick: asked(input?.HeartbeatTick, DOCKER_DEFAULTS.HeartbeatTick, current?.heartbeatTick),
  });
  return Object.keys(settings).length === 0 ? undefined : settings;
}

/** Throws `invalid_argument` with what is wrong. */
export function checked(spec: ClusterSpec): ClusterSpec {
  const problems = validateClusterSpec(spec);
  if (problems.length > 0) throw new ClusterError("invalid_argument", `invalid cluster: ${problems.join("; ")}`);
  return spec;
}

/** The port that Docker's clients put in when the user names none; Murmur's own default holds instead. */
const DOCKER_DEFAULT_LISTEN = /^(0\.0\.0\.0|\[::\]|::)?(:2377)?$/;
const listenAddr = (text: string | undefined): string | undefined =>
  text === undefined || DOCKER_DEFAULT_LISTEN.test(text) ? undefined : text;

/** Nothing said and the default said outright are the same. Errors: `invalid_argument`, in Docker's words. */
function dataPathPort(port: number | undefined): number | undefined {
  if (port === undefined || port === 0 || port === DEFAULT_DATA_PATH_PORT) return undefined;
  if (port >= DATA_PATH_PORTS.min && port <= DATA_PATH_PORTS.max) return port;
  throw new ClusterError(
    "invalid_argument",
    `Datapath port number is not in valid range (1024-49151) : ${String(port)}`,
  );
}

export function toInitRequest(body: unknown): InitRequest {
  const input = parseWith(initSchema, body);
  if (input.ListenAddr === "") {
    throw new ClusterError("invalid_argument", 'invalid ListenAddr "": invalid empty address');
  }
  const subnets = input.DefaultAddrPool ?? [];
  const size = input.SubnetSize || DOCKER_SUBNET_SIZE;
  // Docker's clients send their own default when nobody asked for a size.
  const subnetLength = subnets.length === 0 && size === DOCKER_SUBNET_SIZE ? undefined : size;
  if (input.Spec?.CAConfig?.SigningCACert || input.Spec?.CAConfig?.SigningCAKey) {
    throw new ClusterError(
      "invalid_argument",
      "a cluster begins with a root of its own: leave SigningCACert and SigningCAKey out, and rotate to yours afterwards (docker swarm ca --rotate --ca-cert FILE --ca-key FILE)",
    );
  }
  return compact<InitRequest>({
    // With Docker it is a manager until somebody demotes it, whoever joins with a manager's token later.
    pinnedRole: "manager",
    ...toDataPlane({ dataPlane: input.Murmur?.DataPlane, subnets, subnetLength }),
    dataPathPort: dataPathPort(input.DataPathPort),
    advertiseAddr: input.AdvertiseAddr || undefined,
    listenAddr: listenAddr(input.ListenAddr),
    availability: input.Availability || "active",
    labels: {},
    spec: merge(input.Spec ?? {}, { ...DEFAULT_CLUSTER_SPEC, ...(input.AutoLockManagers && { autolock: true }) }),
  });
}

export const toUnlockKey = (body: unknown): string => parseWith(unlockSchema, body).UnlockKey ?? "";

/**
 * Whether an init asks this manager, at `address`, to go on alone with what it has. Its settings stay as they are, so
 * an IP address that comes along has to be its own. Errors: `invalid_argument` otherwise.
 */
export function forcesNewCluster(body: unknown, address: string): boolean {
  const { ForceNewCluster, AdvertiseAddr = "" } = parseWith(initSchema, body);
  if (ForceNewCluster !== true) return false;
  const own = hostOf({ address });
  const host = hostOf({ address: AdvertiseAddr.includes(":") ? AdvertiseAddr : `${AdvertiseAddr}:0` });
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(host) || host === own) return true;
  throw new ClusterError(
    "invalid_argument",
    `AdvertiseAddr: a cluster that is forced goes on at this node's address, ${own}; restart the daemon with --advertise-addr to move it`,
  );
}

export function toJoinRequest(body: unknown): JoinRequest {
  const input = parseWith(joinSchema, body);
  if (input.RemoteAddrs.length === 0) {
    throw new ClusterError("invalid_argument", "at least 1 RemoteAddr is required to join");
  }
  if (input.JoinToken === "")
    throw new ClusterError(
      "invalid_argument",
      "a valid join token is necessary to join this cluster: JoinToken is empty",
    );
  return compact<JoinRequest>({
    token: input.JoinToken,
    addresses: input.RemoteAddrs,
    advertiseAddr: input.AdvertiseAddr || undefined,
    listenAddr: listenAddr(input.ListenAddr),
    availability: input.Availability || "active",
    labels: {},
  });
}
