import type { Network } from "./docker/network-types.ts";
import type { Node } from "./docker/node-types.ts";
import type { Service } from "./docker/service-types.ts";
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
  /** Left out: `ports`. */
  dataPlane?: "ports" | "overlay";
  /** `ADDRESS/LENGTH` that the networks' subnets are taken from; for the overlay only, as the next one. */
  defaultAddrPool?: string;
  /** The length of such a subnet. */
  subnetSize?: number;
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
