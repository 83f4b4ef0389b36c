import type { Millis, NodeId } from "@murmur/base";
import type { Index } from "./ids.ts";
import type { DataPlaneKind } from "./network.ts";
import type { NodePermissions } from "./permission.ts";
import type { GenericOffer, Resources } from "./service-spec.ts";
import type { Availability, NodeState } from "./states.ts";

export interface DrainGrace {
  readonly deadlineMs: Millis;
}

/** What the user wants of a node. */
export interface NodeSpec {
  readonly name?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly availability: Availability;
  /**
   * Only with availability `drain`: tasks work on until their replacements do elsewhere, for at most so long. Left out:
   * they are stopped at once.
   */
  readonly drain?: DrainGrace;
  /** `manager` or `worker` when the user pinned it by promote or demote; undefined: the cluster chooses. */
  readonly pinnedRole?: "manager" | "worker";
}

/** What the node says of itself; only its agent writes it. */
export interface NodeDescription {
  readonly hostname: string;
  readonly platform: { readonly os: string; readonly architecture: string };
  readonly resources: Resources & {
    /** What its operator says that it has beside, by kind. */
    readonly generic?: Readonly<Record<string, GenericOffer>>;
  };
  readonly engine: {
    readonly version: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly plugins: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly murmurVersion: string;
  /** The versions of the wire protocol that its software speaks; left out: the first one only. */
  readonly protocol?: { readonly min: number; readonly max: number };
  readonly dataPlane: DataPlaneKind;
  /** What its administrator permits containers; left out: nothing beyond what any may. */
  readonly permits?: NodePermissions;
  /** Subnets (`ADDRESS/LENGTH`) that the host has addresses in, its networks of ours left out: no network may overlap. */
  readonly subnets?: readonly string[];
}

/** Whether the node's engine answers; as its agent reports it. */
export interface EngineStatus {
  readonly state: "ready" | "down";
  /** One line: the engine's or the socket's own error. */
  readonly message: string;
}

export interface NodeStatus {
  readonly state: NodeState;
  readonly message: string;
  readonly at: Millis;
  /** `at`: when the managers learned that the engine's state changed; agents' clocks have no say in it. */
  readonly engine: EngineStatus & { readonly at: Millis };
}

/** What a node has of the cluster's authority. Roots are named by their SHA-256, as `AB:CD:…`. */
export interface NodeCertificate {
  /** Whose certificate it shows. */
  readonly issuer: string;
  /** Whose certificates it takes. */
  readonly trusts: readonly string[];
  /** Who has signed what it has of the cluster's generation; left out in the first, which needs no statement. */
  readonly statement?: string;
  /** The keys that it opens gossip with, by their names; the first one seals. */
  readonly gossipKeys?: readonly string[];
}

export interface ClusterNode {
  readonly id: NodeId;
  readonly spec: NodeSpec;
  readonly description?: NodeDescription;
  /** What the node called itself when it joined; `description` says what it is now. */
  readonly hostname?: string;
  readonly status: NodeStatus;
  /** `IP:port` of the peer transport, and of gossip; follows the node when its address changes. */
  readonly address: string;
  /** What raft's membership says; written by the leader after a membership entry has been applied. */
  readonly raftRole: "voter" | "learner" | "none";
  /** SHA-256 of the node's public key, hex: a node is its key. */
  readonly keyDigest: string;
  /**
   * From 1 on, the smallest that was free when the node joined: its gateway in each network follows from it
   * (`nodeGateway`). Only in a cluster of the `overlay` plane.
   */
  readonly number?: number;
  /** When the grace of a drain ends, in the managers' time: what is on the node then is stopped. */
  readonly drainUntil?: Millis;
  /**
   * Names of the volumes on its disk that tasks of this cluster have mounted or that were made through it, sorted, at most
   * `NODE_VOLUMES_MAX`; left out: none. Only its agent writes it.
   */
  readonly volumes?: readonly string[];
  /** As its agent says; left out: it hasn't said it yet. What is here is on its disk. */
  readonly certificate?: NodeCertificate;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
  readonly version: Index;
}

/** Whether a node is being emptied without haste: what does its work there may go on until it is replaced elsewhere. */
export const isLeftSlowly = ({ drainUntil }: Pick<ClusterNode, "drainUntil">, now: Millis): boolean =>
  drainUntil !== undefined && now < drainUntil;

/** The host's part of a node's address: of `[fe80::1]:7373` and `10.0.0.1:7373`, `fe80::1` and `10.0.0.1`. */
export function hostOf({ address }: Pick<ClusterNode, "address">): string {
  const host = address.replace(/:[0-9]+$/, "");
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

/**
 * The newest version of the wire protocol that all nodes speak: what any of them may come to read is written in no newer
 * one. A node that never said what it speaks counts as the oldest.
 */
export const commonProtocol = (nodes: readonly Pick<ClusterNode, "description">[]): number =>
  nodes.reduce((least, { description }) => Math.min(least, description?.protocol?.max ?? 1), Number.MAX_SAFE_INTEGER);
