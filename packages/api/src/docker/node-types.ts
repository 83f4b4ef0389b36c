import type { Version } from "./object-types.ts";
import type { GenericResource, Platform, Resources } from "./service-types.ts";

export type NodeRole = "worker" | "manager";

export interface NodeSpec {
  Name?: string;
  Labels?: Record<string, string>;
  Role: NodeRole;
  Availability: "active" | "pause" | "drain";
  Murmur?: MurmurNodeSpec;
}

/** What is left out of an update stays as it was. */
export interface MurmurNodeSpec {
  /** Null: the cluster chooses the role. */
  PinnedRole?: NodeRole | null;
  /** Only of a node that is drained: tasks work on until they are replaced elsewhere. Null: they are stopped at once. */
  Drain?: NodeDrain | null;
}

interface NodeDrain {
  /** Nanoseconds after which what is left is stopped. */
  Deadline: number;
}

export interface NodeDescription {
  Hostname?: string;
  Platform?: Platform;
  Resources?: Resources & { GenericResources?: GenericResource[] };
  Engine?: { EngineVersion?: string; Labels?: Record<string, string>; Plugins?: { Type: string; Name: string }[] };
  TLSInfo?: TLSInfo;
}

/** The subject and key of the issuer are base64 of DER. */
export interface TLSInfo {
  TrustRoot?: string;
  CertIssuerSubject?: string;
  CertIssuerPublicKey?: string;
}

export interface Node {
  ID: string;
  Version: Version;
  CreatedAt: string;
  UpdatedAt: string;
  Spec: NodeSpec;
  Description: NodeDescription;
  Status: { State: "unknown" | "down" | "ready" | "disconnected"; Message?: string; Addr: string };
  ManagerStatus?: { Leader?: boolean; Reachability: "unknown" | "unreachable" | "reachable"; Addr: string };
  Murmur: {
    /** `IP:port` of its peer transport. */
    Address: string;
    RaftRole: "voter" | "learner" | "none";
    EngineState: "ready" | "down";
    EngineMessage: string;
    Version?: string;
    DataPlane?: "ports" | "overlay";
    /** When what is left on a node that is drained with a deadline is stopped. */
    DrainUntil?: string;
    /** What its own daemon permits containers beyond what any may; left out: nothing. */
    Permits?: { Privileged?: true; Devices?: string[] };
  };
}
