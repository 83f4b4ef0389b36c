import type { Millis } from "@murmur/base";
import type { ExternalCa } from "./external-ca.ts";
import type { GossipKeyState } from "./gossip-key.ts";
import type { ClusterId, Index } from "./ids.ts";
import type { DataPlaneKind } from "./network.ts";
import type { RootRotation } from "./root-rotation.ts";
import type { SealKeyState } from "./seal-key.ts";
import type { Strategy } from "./service-spec.ts";

export interface ClusterSpec {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Terminal tasks kept for each slot. */
  readonly taskHistoryLimit: number;
  /** Wanted voters: 1, 3, 5 or 7; while there are fewer than three nodes, one. */
  readonly voters: number;
  readonly nodeCertificateValidityMs: Millis;
  /** Docker's counter: another number asks for another root. Left out: 0. */
  readonly forceRotate?: number;
  /** How services that name no strategy are placed; left out: `spread`. */
  readonly strategy?: Strategy;
  /** Left out: tasks stay where they are until a user has them moved. */
  readonly rebalance?: RebalancePolicy;
  readonly logDriver?: { readonly name: string; readonly options: Readonly<Record<string, string>> };
  readonly raft?: RaftSettings;
  /** What Docker's clients set for agents; kept and shown. Here a node is watched by gossip and its session. */
  readonly heartbeatPeriodMs?: Millis;
  /** Managers seal what they keep on their disks with a key that isn't there; left out: they don't. */
  readonly autolock?: boolean;
  /** After how long another key seals gossip; 0: when a user says so. Left out: `GOSSIP_KEY_ROTATION_MS`. */
  readonly gossipKeyRotationMs?: Millis;
  /** What signs nodes' certificates in the managers' place, in the order in which they are asked; left out: nobody does. */
  readonly externalCas?: readonly ExternalCa[];
}

/**
 * Tasks are moved to where they would be placed if they were new, each working until its replacement does, as long as
 * the cluster is calm: all active nodes ready, all tasks up, no update and no move under way.
 */
export interface RebalancePolicy {
  /** Tasks of the whole cluster that are moved at the same time. */
  readonly movesAtOnce: number;
  /** How long the cluster must have been calm; so it is the pause between two rounds of moves, too. */
  readonly calmMs: Millis;
  /** A task is not moved before it is so old, nor tried again before so long: what came by a move stays. */
  readonly restMs: Millis;
}

export const DEFAULT_REBALANCE: RebalancePolicy = { movesAtOnce: 4, calmMs: 60_000, restMs: 10 * 60_000 };

/** Docker's settings of Raft; what is left out is its default, or Murmur's own. */
export interface RaftSettings {
  /** Entries between two snapshots at the most; fewer than 1,000 count as 1,000. */
  readonly snapshotInterval?: number;
  /** Entries kept behind a snapshot at the least, as far as they fit into 16 MiB. */
  readonly logEntriesForSlowFollowers?: number;
  /** Kept and shown only: there is one snapshot, and it is checked before the one before it goes. */
  readonly keepOldSnapshots?: number;
  /** Kept and shown only: the time limits follow what the managers measure. */
  readonly electionTick?: number;
  readonly heartbeatTick?: number;
}

/** The secrets of the cluster. Replicated to the managers only; never in `inspect`, logs or errors. */
export interface ClusterSecrets {
  /** Left out: only external CAs have it. */
  readonly caKeyPem?: string;
  /** There while the root's key isn't, and only then. */
  readonly statement?: StatementKey;
  /** The secret part of the join token: shown again by `join-token`, so kept as it is. */
  readonly joinSecret: string;
  /** Of Docker's two tokens: who joins with one is pinned to its role. Left out: both are `joinSecret`. */
  readonly roleSecrets?: { readonly worker: string; readonly manager: string };
  /** Base64, newest first; the first one seals. */
  readonly gossipKeys: readonly string[];
  /** What takes the place of the others when the rotation of the root ends. There while one is under way, and only then. */
  readonly next?: RootSecrets;
}

/** What signs the cluster's statements where the managers haven't got the root's key: a key that the root has signed. */
export interface StatementKey {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** What comes with a root: its key, and join secrets, since join tokens name the root. */
export interface RootSecrets {
  /** Left out: only external CAs have it. */
  readonly caKeyPem?: string;
  /** There while the root's key isn't, and only then. */
  readonly statement?: StatementKey;
  readonly joinSecret: string;
  readonly roleSecrets: { readonly worker: string; readonly manager: string };
}

/** A root that is to take the present one's place; see `RootRotation`. */
export interface NextRoot extends RootSecrets {
  readonly root: string;
  readonly caPem: string;
  /** Left out where the key of the present root isn't at hand. */
  readonly crossPem?: string;
}

/** The secret part of the token by which nodes join: to a role, or to whatever the cluster needs. */
export const joinSecretOf = (secrets: ClusterSecrets, role: "worker" | "manager" | undefined): string =>
  (role === undefined ? undefined : secrets.roleSecrets?.[role]) ?? secrets.joinSecret;

export interface Cluster {
  readonly id: ClusterId;
  readonly spec: ClusterSpec;
  /** The root certificate; join tokens name it. */
  readonly caPem: string;
  readonly secrets: ClusterSecrets;
  /** Another root is about to take its place. */
  readonly rotation?: RootRotation;
  /** Left out: the key of the beginning seals. */
  readonly gossipKey?: GossipKeyState;
  /** Left out: the key of the beginning. */
  readonly sealKey?: SealKeyState;
  /** What locked managers are unlocked with, sealed for `UNLOCK_KEY_SEAL_ID` in base64. There with autolock, and only then. */
  readonly unlockKey?: string;
  /** Left out: `ports`. */
  readonly dataPlane?: DataPlaneKind;
  /** Where the subnets of networks that name none come from; left out: `DEFAULT_ADDRESS_POOL`. */
  readonly addressPool?: AddressPool;
  /** The ingress network that was there from the beginning is gone; another one may have been made. */
  readonly firstIngressRemoved?: true;
  /** UDP port of the overlay's packets, on all nodes; left out: `DEFAULT_DATA_PATH_PORT`. */
  readonly dataPathPort?: number;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
  readonly version: Index;
}

/** `ADDRESS/LENGTH`, cut into subnets of the length `subnetLength`. */
export interface AddressPool {
  readonly subnet: string;
  /** Cut as well, in this order, once the one before has none left. At most 15; none overlaps another. */
  readonly further?: readonly string[];
  readonly subnetLength: number;
}

/** All subnets of a pool, in the order in which they are used. */
export const subnetsOf = ({ subnet, further = [] }: AddressPool): readonly string[] => [subnet, ...further];

/** 1,024 networks of some 4,000 addresses, away from what routers and Docker use by default. */
export const DEFAULT_ADDRESS_POOL: AddressPool = { subnet: "10.64.0.0/10", subnetLength: 20 };

/** IANA's for VXLAN, and Docker's. */
export const DEFAULT_DATA_PATH_PORT = 4_789;

/** What Docker takes for it. */
export const DATA_PATH_PORTS = { min: 1_024, max: 49_151 } as const;

/** The defaults are Docker's where it has them (history 5, certificates 90 days). */
export const DEFAULT_CLUSTER_SPEC: ClusterSpec = {
  name: "default",
  labels: {},
  taskHistoryLimit: 5,
  voters: 3,
  nodeCertificateValidityMs: 90 * 24 * 3_600_000,
};
