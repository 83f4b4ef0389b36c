import type { Network } from "./network-types.ts";
import type { Version } from "./object-types.ts";
import type { GenericResource, PortConfig, TaskSpec } from "./service-types.ts";

export const DOCKER_TASK_STATES = [
  "new",
  "allocated",
  "pending",
  "assigned",
  "accepted",
  "preparing",
  "ready",
  "starting",
  "running",
  "complete",
  "shutdown",
  "failed",
  "rejected",
  "remove",
  "orphaned",
] as const;
/** Docker has one list for what was observed and what is desired. */
export type TaskState = (typeof DOCKER_TASK_STATES)[number];

export interface TaskStatus {
  Timestamp: string;
  State: TaskState;
  Message: string;
  Err?: string;
  ContainerStatus?: { ContainerID: string; PID: number; ExitCode: number };
  PortStatus: { Ports?: PortConfig[] };
}

export interface Task {
  ID: string;
  Version: Version;
  CreatedAt: string;
  UpdatedAt: string;
  Labels: Record<string, string>;
  Spec: TaskSpec;
  ServiceID: string;
  /** Of a job from 0, which is left out. */
  Slot?: number;
  NodeID?: string;
  Status: TaskStatus;
  DesiredState: TaskState;
  /** What it was given of its node's generic resources. */
  GenericResources?: GenericResource[];
  /** No addresses in its node's own network. */
  NetworksAttachments?: { Network: Network; Addresses?: string[] }[];
  JobIteration?: Version;
  Murmur: {
    /** `web.1.ID`, also after the service is gone. */
    Name: string;
    ServiceName: string;
    /** From 1, in jobs as well; a global service has none. */
    Slot?: number;
    SpecVersion: number;
    Health?: "none" | "starting" | "healthy" | "unhealthy";
    /** Not started before this moment: the restart policy's delay. */
    NotBefore?: string;
    /** Where other nodes reach its ports. */
    Address?: string;
    /** Volumes that it mounts and that another node than its own held when it was assigned. */
    LeftVolumes?: { Name: string; NodeID: string; Hostname: string }[];
  };
}
