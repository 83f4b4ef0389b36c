import type { Millis } from "@murmur/base";
import type { Cluster } from "./cluster.ts";
import type { NodeCertificate, NodeStatus } from "./node.ts";

/** A key that seals gossip, with the name by which nodes say that they have it. */
export interface NamedGossipKey {
  /** Tells nothing of the key. */
  readonly name: string;
  /** As in `ClusterSecrets.gossipKeys`. */
  readonly key: string;
}

/**
 * A key that is about to take the present one's place. Invariant: whatever a node seals, each other one that is up opens.
 *
 * - `install`: all nodes are to open with the new key, and seal with the present one.
 * - `use`: all do, and each is to seal with the new one. Then the others are dropped.
 */
export interface GossipKeyRotation {
  readonly phase: "install" | "use";
  readonly name: string;
  /** When this phase began. */
  readonly steppedAt: Millis;
}

export interface GossipKeyState {
  /** Since when the present key seals. */
  readonly since: Millis;
  readonly rotation?: GossipKeyRotation;
}

/** As Docker's. */
export const GOSSIP_KEY_ROTATION_MS: Millis = 12 * 3_600_000;
/** How long a phase lasts at the least: what was sealed before is on its way no longer. */
export const GOSSIP_KEY_REST_MS: Millis = 5_000;

type Keyed = Pick<Cluster, "gossipKey" | "createdAt" | "spec">;

export const gossipKeySince = ({ gossipKey, createdAt }: Keyed): Millis => gossipKey?.since ?? createdAt;

/** Whether it is time for another key. Never while one is being replaced, nor where the settings say 0. */
export function isGossipKeyDue(cluster: Keyed, now: Millis): boolean {
  const { gossipKeyRotationMs: every = GOSSIP_KEY_ROTATION_MS } = cluster.spec;
  return every > 0 && cluster.gossipKey?.rotation === undefined && now >= gossipKeySince(cluster) + every;
}

/**
 * Whether a rotation doesn't have to wait for a node. One that is down hears of the keys by its next session: until then
 * it is out of the gossip anyway.
 */
export function hasGossipKey(
  { phase, name }: GossipKeyRotation,
  { status, certificate }: { readonly status: Pick<NodeStatus, "state">; readonly certificate?: NodeCertificate },
): boolean {
  if (status.state === "down") return true;
  const { gossipKeys = [] } = certificate ?? {};
  return phase === "install" ? gossipKeys.includes(name) : gossipKeys[0] === name;
}

/** What of the cluster changes when a key is about to be replaced. */
export function beginGossipKey(
  cluster: Keyed & Pick<Cluster, "secrets">,
  { name, key }: NamedGossipKey,
  now: Millis,
): Pick<Cluster, "secrets" | "gossipKey"> {
  const { secrets } = cluster;
  return {
    secrets: { ...secrets, gossipKeys: [...secrets.gossipKeys, key] },
    gossipKey: { since: gossipKeySince(cluster), rotation: { phase: "install", name, steppedAt: now } },
  };
}

/** What of the cluster changes with the rotation's next step. */
export function stepGossipKey(
  { secrets, gossipKey }: Pick<Cluster, "secrets" | "gossipKey">,
  now: Millis,
): Partial<Pick<Cluster, "secrets" | "gossipKey">> {
  const { rotation, since } = gossipKey ?? {};
  if (rotation === undefined || since === undefined) return {};
  const { gossipKeys } = secrets;
  if (rotation.phase === "use")
    return { secrets: { ...secrets, gossipKeys: gossipKeys.slice(0, 1) }, gossipKey: { since: now } };
  const newest = gossipKeys.slice(-1);
  return {
    secrets: { ...secrets, gossipKeys: [...newest, ...gossipKeys.slice(0, -1)] },
    gossipKey: { since, rotation: { ...rotation, phase: "use", steppedAt: now } },
  };
}
