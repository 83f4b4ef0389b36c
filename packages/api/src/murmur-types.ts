import type { FieldChange } from "./docker/difference.ts";
import type { Network } from "./docker/network-types.ts";
import type { Node } from "./docker/node-types.ts";
import type { Service } from "./docker/service-types.ts";
import type { ExternalCA } from "./docker/swarm-types.ts";
import type { Task } from "./docker/task-types.ts";

/** What `/murmur/…` takes and gives. Docker has no words for it, so these are Murmur's own, in camelCase. */
export interface ClusterInitBody {
  advertiseAddr?: string;
  listenAddr?: string;
  availability?: "active" | "pause" | "drain";
  labels?: Record<string, string>;
  name?: string;
  /** Wanted voters: 1, 3, 5 or 7. */
  voters?: number;
  /** How services that name no strategy are placed; left out: `spread`. */
  strategy?: "spread" | "binpack";
  /** Managers seal what they have on their disks; left out: they don't. */
  autolock?: boolean;
  /** Left out: `ports`. */
  dataPlane?: "ports" | "overlay";
  /** `ADDRESS/LENGTH` each: where the networks' subnets are taken from; for the overlay only, as the next one. */
  defaultAddrPool?: string[];
  /** The length of such a subnet. */
  subnetSize?: number;
  /** What signs nodes' certificates from the beginning; one of them names its root. */
  externalCas?: ExternalCA[];
}

export interface NodeJoinBody {
  token: string;
  addresses: string[];
  advertiseAddr?: string;
  listenAddr?: string;
  availability?: "active" | "pause" | "drain";
  labels?: Record<string, string>;
}

export interface ClusterInitAnswer {
  nodeId: string;
  /** `IP:port`, for the line that other nodes join by. */
  address: string;
  joinToken: string;
}

export interface NodeJoinAnswer {
  nodeId: string;
  address: string;
}

export interface JoinTokenAnswer {
  joinToken: string;
  /** `IP:port` of a manager that takes new nodes in. */
  address: string;
}

export interface ManagerSummary {
  id: string;
  hostname: string;
  address: string;
  role: "leader" | "voter" | "learner";
  state: "unknown" | "ready" | "down" | "disconnected";
}

/** `GET /murmur/cluster`: answered also without a leader, from what the answering manager has. */
export interface ClusterSummary {
  id: string;
  name: string;
  createdAt: string;
  /** Left out by older software: `ports`. */
  dataPlane?: "ports" | "overlay";
  /** The index of the last change. */
  version: number;
  term: number;
  /** Which life of the cluster it is: 0 until it is first recovered or restored, and a larger number each time. */
  generation: number;
  /** The leader's node id. */
  leader?: string;
  votersWanted: number;
  /** How services that name no strategy are placed. Left out by older software: `spread`. */
  strategy?: "spread" | "binpack";
  /** What the policy of rebalancing does at present, for people; left out: it is off. */
  rebalance?: string;
  managers: ManagerSummary[];
  nodes: { total: number; ready: number };
  services: number;
  tasks: { total: number; running: number };
  thisNode: { id: string; address: string; manager: boolean };
}

/** What every node says of its data plane, by hostname. */
export interface DoctorReport {
  nodes: {
    id: string;
    hostname: string;
    /** `down`: it is dead, and was not asked. `unknown`: it can't tell, `message` says why. */
    state: "checked" | "down" | "unknown";
    message?: string;
    /** In what its traffic isn't carried as the cluster's table says. `mended`: only after mending. */
    differences: { where: string; what: string; mended?: boolean }[];
  }[];
}

export interface HealthAnswer {
  status: "ok" | "degraded";
  /** One line for each thing that is wrong. */
  problems: string[];
}

/**
 * A line of `GET /murmur/events`. The stream starts with `snapshot`, all that there is, and `synced`; then changes
 * follow. A reader that fell behind gets another `snapshot` … `synced` in place of what it missed, so a reader that
 * forgets all at `snapshot` and follows the rest is always right.
 */
export type ClusterEvent =
  | { kind: "snapshot"; version: number }
  | { kind: "synced"; version: number }
  | { kind: "service"; action: "put"; version: number; id: string; object: Service }
  | { kind: "task"; action: "put"; version: number; id: string; object: Task }
  | { kind: "node"; action: "put"; version: number; id: string; object: Node }
  | { kind: "network"; action: "put"; version: number; id: string; object: Network }
  | { kind: "service" | "task" | "node" | "network"; action: "remove"; version: number; id: string };

export const EVENT_KINDS = ["service", "task", "node", "network"] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** One of the managers that the cluster had, as the node sees it on which it is to be recovered. */
export interface RecoveryManager {
  id: string;
  hostname: string;
  address: string;
  role: "voter" | "learner";
  state: "this node" | "reachable" | "unreachable";
  /** Since when gossip calls it dead; left out when it wasn't heard of since this node started. */
  deadSince?: string;
  /** How far its log reaches; of two logs the one with the later term, then the higher index, knows more. */
  log?: { term: number; index: number };
}

/** `GET /murmur/cluster/recovery`: what a recovery on this node would do, and what would be lost. */
export interface RecoveryPlan {
  cluster: { id: string; name: string };
  node: { id: string; hostname: string; address: string };
  /** Whether it may be done here and now; forcing it overrules that. */
  advised: boolean;
  /** One line: why, or why not and what to do instead. */
  verdict: string;
  managers: RecoveryManager[];
  log: {
    term: number;
    lastIndex: number;
    /** Known here to be committed. */
    committed: number;
    /** Entries that aren't, and become part of the state. */
    uncommitted: number;
    /** When the newest change that this node knows was made. */
    lastChangeAt?: string;
  };
  keeps: { nodes: number; services: number; tasks: number; running: number };
  /** One line for each kind of loss. */
  mayLose: string[];
}

/** The options of `POST /murmur/cluster/restore`, as JSON in its query; its body is the backup. */
export interface RestoreBody {
  advertiseAddr?: string;
  listenAddr?: string;
  availability?: "active" | "pause" | "drain";
  labels?: Record<string, string>;
  /** Leaves the backup's nodes out. */
  forgetNodes?: boolean;
  /** Also when the cluster of the backup still runs. */
  force?: boolean;
  /** What `GET /murmur/cluster/secrets-key` has said of it, or `new`; needed where the backup has secrets. */
  secretsKey?: string;
}

/** `GET /murmur/gossip-key`: the key itself is shown to nobody. */
export interface GossipKeyAnswer {
  /** Since when it seals, as Docker writes times. */
  since: string;
  /** 0: only when somebody asks for it. */
  rotatedEachMs: number;
  /** There while another key is taking its place. */
  rotation?: {
    /** `install`: nodes get it; `use`: they seal with it. */
    phase: "install" | "use";
    /** The names of the nodes that aren't so far. */
    waitsFor: string[];
  };
}

/** `GET /murmur/secrets-key`: what the key seals, and how far its rotation is. The key itself is a manager's to show. */
export interface SecretsKeyRotationAnswer {
  /** Secrets, logins to registries, and the unlock key. */
  total: number;
  /** Since when it is so, as Docker writes times; left out: the key is the one of the beginning. */
  since?: string;
  /** There while another key is taking its place. */
  rotation?: {
    /** `hold`: managers get it; `seal`: what another key has sealed is sealed anew. */
    phase: "hold" | "seal";
    /** So many are sealed with another key. */
    left: number;
    /** Some of their names. */
    among: string[];
    /** In `hold`: managers that are down; it goes on once they are back, or removed. */
    waitsFor?: string[];
  };
}

/** `GET /murmur/cluster/secrets-key`: what the cluster's secrets are sealed with; it is in no backup. */
export interface SecretsKeyAnswer {
  secretsKey: string;
}

/** `POST /murmur/cluster/restore`: the cluster that was restored. */
export interface RestoreAnswer {
  nodeId: string;
  address: string;
  clusterId: string;
  clusterName: string;
  joinToken: string;
  keeps: { nodes: number; services: number; tasks: number };
}

/** Which nodes could take a task now, and why others can't. */
export interface Placement {
  fitting: number;
  /** `no suitable node (insufficient resources on 2 nodes)`; empty when a node fits. */
  message: string;
  /** Most nodes first. A node that several filters refuse is counted for the first. */
  refusals: { filter: string; nodes: number; text: string }[];
  /** The node that is refused for the least, and what it lacks. */
  closest?: { nodeId: string; hostname: string; lacks: string[] };
}

/** `GET /murmur/tasks/ID/explain`: why a task stands where it does. */
export interface TaskExplanation {
  task: Task;
  /** One line. */
  why: string;
  /** Of a task that waits for a node. */
  placement?: Placement;
  /** What is to take over from a task on a node that is drained. */
  replacement?: Task;
}

/** `GET /murmur/volumes`: a volume on a node's own disk, as its node has told; `?name=…&tasks=1` with its tasks. */
export interface ClusterVolume {
  Name: string;
  Driver: "local";
  Scope: "local";
  Node: { ID: string; Hostname: string; State: string };
  /** Those of its node that mount it, ended ones too. */
  Tasks?: { ID: string; Name: string; State: string; InUse: boolean }[];
}

/** `POST /murmur/volumes/create`. */
export interface VolumeCreate {
  Name?: string;
  /** Id or host name. */
  Node?: string;
  Driver?: string;
  DriverOpts?: Record<string, string>;
  Labels?: Record<string, string>;
}

/** What an engine says of a volume. */
export interface VolumeAnswer {
  Name: string;
  Driver: string;
  Mountpoint: string;
  CreatedAt?: string;
  Labels: Record<string, string> | null;
  Options: Record<string, string> | null;
  Scope: string;
}

/** `POST /murmur/volumes/create`. */
export interface CreatedVolume extends VolumeAnswer {
  /** What is not as it should be although the volume was made. */
  Warnings: string[];
}

/** `GET /murmur/volumes/NAME`: one for each node that has a volume of this name. */
export interface VolumeDetail extends ClusterVolume {
  /** Left out where the node doesn't answer: `Problem` says why. */
  Engine?: VolumeAnswer;
  Problem?: string;
}

/** `POST /murmur/rebalance`: the tasks that go, or with `?dryRun=1` would go, to other nodes. */
export interface Rebalance {
  /** `from` and `to`: host names. The second is where it would be placed now; the scheduler has the last word. */
  moves: { task: Task; from: string; to: string }[];
  /** Whether there are more than one request moves. */
  more: boolean;
}

/** `GET /murmur/services/ID/explain`. */
export interface ServiceExplanation {
  service: Service;
  /** One line. */
  why: string;
  /** What the cluster's policy of rebalancing makes of it, in one line; left out: the cluster has none. */
  rebalance?: string;
  /** Those that aren't as they should be, at most 20. */
  tasks: TaskExplanation[];
  /** How many more there are. */
  more: number;
  /** A line for each named volume that its tasks mount: which nodes have it. */
  volumes: string[];
}

/** `POST /murmur/services/dry-run`: what a request to create or update a service would come to. */
export interface ServiceDryRun {
  /** What it was worked out on; left out of a service that would be made. */
  service?: { id: string; version: number };
  name: string;
  /** What differs between its spec now and then, with the defaults that hold; of a new one all of it. */
  changes: FieldChange[];
  /** Once all has come to rest. `placed` is `kept` and `new` together; `stopped` are those that would be given up. */
  tasks: { placed: number; kept: number; new: number; stopped: number; waiting: number };
  /** Those that have its tasks now or then, by name. */
  nodes: DryRunNode[];
  /** The tasks that would wait or not be as they should, at most 20; their ids mean nothing. */
  amiss: TaskExplanation[];
  /** How many more there are. */
  more: number;
  /** Whether all had come to rest when the time was up. */
  settled: boolean;
}

export interface DryRunNode {
  id: string;
  hostname: string;
  before: number;
  after: number;
}

/** What a task's container had used up to a moment; rates come of two of these. Left out: the engine doesn't count it. */
export interface TaskSample {
  task: string;
  /** Of the node's clock. */
  at: string;
  cpuNanos: number;
  /** Of all processors of the node together, in the same time. */
  systemNanos: number;
  cpus: number;
  /** Without what the kernel would give back: as Docker counts. */
  memoryBytes: number;
  /** What it may use: its limit, else what the node has. */
  memoryLimitBytes: number;
  receivedBytes: number;
  sentBytes: number;
  readBytes: number;
  writtenBytes: number;
  processes: number;
}

/** `GET /murmur/stats`. */
export interface StatsAnswer {
  nodes: {
    id: string;
    hostname: string;
    /** Why there are no samples of it. */
    problem?: string;
    samples: TaskSample[];
  }[];
}
