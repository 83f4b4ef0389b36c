import type { Platform, Resources, Version } from "./service-types.ts";

export type NodeRole = "worker" | "manager";

export interface NodeSpec {
  Name?: string;
  Labels?: Record<string, string>;
  Role: NodeRole;
  Availability: "active" | "pause" | "drain";
  /** Null: the cluster chooses the role. Left out of an update: as it was. */
  Murmur?: { PinnedRole: NodeRole | null };
}

export interface NodeDescription {
  Hostname?: string;
  Platform?: Platform;
  Resources?: Resources;
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
  };
}
