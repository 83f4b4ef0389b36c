import type { DriverConfig, Version } from "./object-types.ts";
import type { TLSInfo } from "./node-types.ts";

export interface SwarmSpec {
  Name?: string;
  Labels?: Record<string, string>;
  Orchestration?: { TaskHistoryRetentionLimit?: number };
  Raft?: {
    SnapshotInterval?: number;
    KeepOldSnapshots?: number;
    LogEntriesForSlowFollowers?: number;
    ElectionTick?: number;
    HeartbeatTick?: number;
  };
  Dispatcher?: { HeartbeatPeriod?: number };
  CAConfig?: {
    NodeCertExpiry?: number;
    /** Another number than before asks for another root. */
    ForceRotate?: number;
    ExternalCAs?: ExternalCA[];
    /** PEM, in requests only. */
    SigningCACert?: string;
    SigningCAKey?: string;
  };
  TaskDefaults?: { LogDriver?: DriverConfig };
  EncryptionConfig?: { AutoLockManagers?: boolean };
  /** Left out of an update: as it was. */
  Murmur?: {
    Voters?: number;
    /** How services are placed that don't say it themselves. */
    Strategy?: "spread" | "binpack";
    /** Nanoseconds after which another key seals gossip; 0: only when somebody asks for it. Left out: 12 hours. */
    GossipKeyRotation?: number;
    /** Left out: off. */
    Rebalance?: Rebalance;
  };
}

export interface ExternalCA {
  Protocol: "cfssl";
  URL: string;
  Options?: Record<string, string>;
  /** The root that it signs with, in PEM; empty: the cluster's present one. */
  CACert?: string;
}

/** The policy of rebalancing; what a change leaves out stays as it is, or is the default when it is turned on. */
export interface Rebalance {
  /** Left out: on. */
  Policy?: "on" | "off";
  /** Tasks of the whole cluster that are moved at the same time. */
  MovesAtOnce?: number;
  /** Nanoseconds for which the cluster must have been calm; so it is the pause between two rounds of moves, too. */
  Calm?: number;
  /** Nanoseconds for which a task stays where it is once it was moved, or made. */
  Rest?: number;
}

/** The cluster as `/info` shows it. */
export interface ClusterInfo {
  ID: string;
  Version: Version;
  CreatedAt: string;
  UpdatedAt: string;
  Spec: SwarmSpec;
  TLSInfo: TLSInfo;
  RootRotationInProgress: boolean;
  DefaultAddrPool: string[] | null;
  SubnetSize: number;
  DataPathPort: number;
  Murmur: { DataPlane: "ports" | "overlay" };
}

/** Murmur has one token: the cluster chooses its managers itself, so both are the same. */
export interface Swarm extends ClusterInfo {
  JoinTokens: { Worker: string; Manager: string };
}

/** `GET /swarm/unlockkey`, and the body of `POST /swarm/unlock`. Empty where autolock is off. */
export interface UnlockKey {
  UnlockKey: string;
}

/** The `Swarm` part of `/info`. */
export interface SwarmInfo {
  NodeID: string;
  NodeAddr: string;
  LocalNodeState: "inactive" | "pending" | "active" | "error" | "locked";
  ControlAvailable: boolean;
  Error: string;
  RemoteManagers: { NodeID: string; Addr: string }[] | null;
  Nodes?: number;
  Managers?: number;
  Cluster?: ClusterInfo;
}

/** The engine's own `/info`, with Murmur's answer where Docker's swarm mode would be. */
export interface Info {
  ID?: string;
  Name?: string;
  ServerVersion?: string;
  OSType?: string;
  Architecture?: string;
  NCPU?: number;
  MemTotal?: number;
  Warnings?: string[] | null;
  Swarm: SwarmInfo;
  [field: string]: unknown;
}

export interface VersionInfo {
  Platform: { Name: string };
  Version: string;
  ApiVersion: string;
  MinAPIVersion: string;
  Os?: string;
  Arch?: string;
  Components: { Name: string; Version: string; Details?: Record<string, string> }[];
  [field: string]: unknown;
}
