import type { ContainerSpec } from "./container-types.ts";
import type { DriverConfig, Version } from "./object-types.ts";

/** Docker's own shapes, as its Engine API writes them. Durations are in nanoseconds, times in RFC 3339. */
export interface Resources {
  NanoCPUs?: number;
  MemoryBytes?: number;
}

/** So many of a kind, or one with a name of its own; only nodes offer the latter. */
export type GenericResource =
  { DiscreteResourceSpec: { Kind: string; Value: number } } | { NamedResourceSpec: { Kind: string; Value: string } };

export interface ResourceRequirements {
  Limits?: Resources & { Pids?: number };
  Reservations?: Resources & { GenericResources?: GenericResource[] };
  /** Swap beside the memory limit; -1: without a limit. */
  SwapBytes?: number;
  /** From 0 to 100; -1, or left out: the host's. */
  MemorySwappiness?: number;
}

export interface RestartPolicy {
  Condition?: "none" | "on-failure" | "any";
  Delay?: number;
  MaxAttempts?: number;
  Window?: number;
}

export interface Platform {
  OS?: string;
  Architecture?: string;
}

export interface Placement {
  Constraints?: string[];
  Preferences?: { Spread: { SpreadDescriptor: string } }[];
  MaxReplicas?: number;
  Platforms?: Platform[];
}

export interface NetworkAttachmentConfig {
  /** Name or id. */
  Target: string;
  Aliases?: string[];
  DriverOpts?: Record<string, string>;
}

export interface TaskSpec {
  ContainerSpec: ContainerSpec;
  Resources?: ResourceRequirements;
  RestartPolicy?: RestartPolicy;
  Placement?: Placement;
  Networks?: NetworkAttachmentConfig[];
  LogDriver?: DriverConfig;
  ForceUpdate?: number;
  Runtime?: string;
}

export interface UpdateConfig {
  Parallelism?: number;
  Delay?: number;
  FailureAction?: "pause" | "continue" | "rollback";
  Monitor?: number;
  MaxFailureRatio?: number;
  Order?: "stop-first" | "start-first";
}

/** What a published port has beyond Docker's. Left out of an update, all of it stays as it is. */
export interface PortOptions {
  /** An address of the nodes; those that don't have it don't listen. */
  HostIP?: string;
  Balancing?: "random" | "round-robin" | "source-hash" | "least-conn" | "peak-ewma";
  /** Tasks are told the client's address by a PROXY protocol header, version 2. */
  ProxyProtocol?: boolean;
  /** Tasks of the node that the client reached, while there are any. */
  LocalFirst?: boolean;
}

export interface PortConfig {
  Name?: string;
  Protocol?: "tcp" | "udp" | "sctp";
  TargetPort: number;
  PublishedPort?: number;
  PublishMode?: "ingress" | "host";
  Murmur?: PortOptions;
}

export interface EndpointSpec {
  Mode?: "vip" | "dnsrr";
  Ports?: PortConfig[];
}

/** Exactly one of its members is set. */
export interface ServiceMode {
  Replicated?: { Replicas?: number };
  Global?: Record<string, never>;
  ReplicatedJob?: { MaxConcurrent?: number; TotalCompletions?: number };
  GlobalJob?: Record<string, never>;
}

export interface ServiceSpec {
  Name?: string;
  Labels?: Record<string, string>;
  TaskTemplate: TaskSpec;
  Mode?: ServiceMode;
  UpdateConfig?: UpdateConfig;
  RollbackConfig?: UpdateConfig;
  EndpointSpec?: EndpointSpec;
  Murmur?: MurmurServiceSpec;
}

/** What Docker has no words for. A change that comes without this object leaves it as it is. */
interface MurmurServiceSpec {
  /** Left out: false. */
  Stopped?: boolean;
  /** How its tasks are placed; left out: as the cluster's. */
  Strategy?: "spread" | "binpack";
  /** Both need the node's permission: `murmur daemon --allow-device`, `--allow-privileged`. */
  Devices?: { PathOnHost: string; PathInContainer?: string; CgroupPermissions?: string }[];
  Privileged?: boolean;
  /** Left out: replaced at once. */
  OnNodeLoss?: NodeLoss;
  /** `off`: the cluster's policy of rebalancing leaves its tasks where they are. Left out: `on`. */
  Rebalance?: "on" | "off";
}

export interface NodeLoss {
  Action: "replace" | "wait";
  /** Nanoseconds until a task of a lost node is replaced; left out: 0. Not with `wait`. */
  After?: number;
}

export interface UpdateStatus {
  State: "updating" | "paused" | "completed" | "rollback_started" | "rollback_paused" | "rollback_completed";
  StartedAt: string;
  CompletedAt?: string;
  Message: string;
}

export interface ServiceStatus {
  RunningTasks: number;
  DesiredTasks: number;
  CompletedTasks: number;
}

export interface Service {
  ID: string;
  Version: Version;
  CreatedAt: string;
  UpdatedAt: string;
  Spec: ServiceSpec;
  PreviousSpec?: ServiceSpec;
  /** The addresses are `IP/LENGTH`; none in the nodes' own networks. */
  Endpoint: { Spec: EndpointSpec; Ports?: PortConfig[]; VirtualIPs?: { NetworkID: string; Addr?: string }[] };
  UpdateStatus?: UpdateStatus;
  /** Only where it was asked for. */
  ServiceStatus?: ServiceStatus;
  JobStatus?: { JobIteration: Version; LastExecution: string };
  Murmur: {
    /** The version at which the task template last changed: tasks of an older one are out of date. */
    SpecVersion: number;
    /** Removed by the user; its tasks are still stopping. */
    Removing: boolean;
  };
}

export interface ServiceCreated {
  ID: string;
  Warnings: string[] | null;
}

export interface ServiceUpdated {
  Warnings: string[] | null;
  Murmur: {
    /** What the next update has to name, unless somebody else changes the service before. */
    Version: number;
  };
}
