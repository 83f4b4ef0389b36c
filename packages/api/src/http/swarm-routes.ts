import { ClusterError } from "@murmur/base";
import {
  GOSSIP_KEY_ROTATION_MS,
  gossipKeySince,
  hasGossipKey,
  isSameExternalCas,
  sealedOtherwise,
  sealedThings,
  UNLOCK_KEY_SEAL_ID,
  type Cluster,
  type ClusterNode,
} from "@murmur/model";
import type { View } from "@murmur/store";
import type { Context, Hono } from "hono";
import { rootWish } from "../docker/root-wish.ts";
import { fromCluster, toClusterSpec } from "../docker/swarm.ts";
import type { Swarm, UnlockKey } from "../docker/swarm-types.ts";
import { toTimestamp } from "../docker/time.ts";
import type { GossipKeyAnswer, JoinTokenAnswer, SecretsKeyRotationAnswer } from "../murmur-types.ts";
import { readJson } from "./body.ts";
import type { ClusterAccess } from "./context.ts";
import { managersOnly } from "./managers-only.ts";
import { looseFlag, strictFlag, versionQuery } from "./query.ts";

/** The replicated cluster record; in a cluster there always is one. */
export function clusterOf(view: View): Cluster {
  const cluster = view.cluster();
  if (cluster === undefined) throw new ClusterError("unavailable", "the cluster is only just starting: try again");
  return cluster;
}

export function addSwarmRoutes(
  app: Hono,
  access: ClusterAccess,
  { isForwarded }: { readonly isForwarded: boolean },
): void {
  const { ports } = access;

  app.get("/swarm", async (context) => {
    const cluster = clusterOf(await access.read(context));
    const JoinTokens = {
      Worker: ports.tokens.format(cluster, "worker"),
      Manager: ports.tokens.format(cluster, "manager"),
    };
    const answer: Swarm = { ...fromCluster(cluster), JoinTokens };
    return context.json(answer);
  });

  app.post("/swarm/update", async (context) => {
    const version = versionQuery(context.req.query("version"), "swarm");
    const rotated = [
      ...(strictFlag(context.req.query("rotateWorkerToken"), "rotateWorkerToken") ? (["worker"] as const) : []),
      ...(strictFlag(context.req.query("rotateManagerToken"), "rotateManagerToken") ? (["manager"] as const) : []),
    ];
    const rotateKey = strictFlag(context.req.query("rotateManagerUnlockKey"), "rotateManagerUnlockKey");
    const body = await readJson(context.req.raw);
    const current = clusterOf(await access.read(context));
    const spec = toClusterSpec(body, current.spec);
    const needsKey = spec.autolock === true && (rotateKey || current.unlockKey === undefined);
    const unlockKey = needsKey ? { unlockKey: await newUnlockKey(access) } : {};
    const wish = rootWish(body, { cluster: current, spec });
    const given = wish.kind === "given" ? wish.root : undefined;
    const { signal } = context.req.raw;
    if (!isSameExternalCas(spec.externalCas, current.spec.externalCas))
      await ports.authority.check(current, spec, signal);
    const nextRoot = wish.kind === "none" ? undefined : await ports.authority.next(current, { given, spec }, signal);
    const submitted = { version, spec, ...unlockKey, ...(nextRoot !== undefined && { nextRoot }) };
    await access.submit(context, { kind: "updateCluster", ...submitted });
    for (const role of rotated) await rotateToken(context, access, role);
    return context.body(null, 200);
  });

  app.get("/swarm/unlockkey", async (context) => {
    const cluster = clusterOf(await access.read(context));
    // A worker's administrator has no use for it but to open a manager's disk.
    if (isForwarded && cluster.unlockKey !== undefined)
      throw await managersOnly(access, context, "the unlock key is shown on managers only: ask for it");
    const answer: UnlockKey = { UnlockKey: access.cluster().unlockKey(cluster) ?? "" };
    return context.json(answer);
  });

  app.get("/murmur/gossip-key", async (context) => context.json(gossipKeyPicture(await access.read(context))));
  app.post("/murmur/gossip-key/rotate", async (context) => {
    await access.submit(context, { kind: "rotateGossipKey", next: ports.tokens.newGossipKey() });
    return context.json(gossipKeyPicture(await access.read(context)));
  });

  app.get("/murmur/secrets-key", async (context) => context.json(sealKeyPicture(await access.read(context))));
  app.post("/murmur/secrets-key/rotate", async (context) => {
    await access.submit(context, { kind: "rotateSealKey", next: await access.cluster().newSealKey() });
    return context.json(sealKeyPicture(await access.read(context)));
  });

  app.get("/murmur/join-token", async (context) => context.json(joinToken(access, await access.read(context))));
  app.post("/murmur/join-token/rotate", async (context) => {
    await rotateToken(context, access);
    return context.json(joinToken(access, await access.read(context)));
  });
}

/** How old the key is that seals gossip, and whom its rotation waits for; the key itself is for nodes alone. */
function gossipKeyPicture(view: View): GossipKeyAnswer {
  const cluster = clusterOf(view);
  const { rotation } = cluster.gossipKey ?? {};
  const shown: GossipKeyAnswer = {
    since: toTimestamp(gossipKeySince(cluster)),
    rotatedEachMs: cluster.spec.gossipKeyRotationMs ?? GOSSIP_KEY_ROTATION_MS,
  };
  if (rotation === undefined) return shown;
  const waitsFor = namesOf(view, (node) => !hasGossipKey(rotation, node));
  return { ...shown, rotation: { phase: rotation.phase, waitsFor } };
}

const namesOf = (view: View, isMeant: (node: ClusterNode) => boolean): string[] =>
  view
    .nodes()
    .filter(isMeant)
    .map(({ id, description, hostname }) => description?.hostname ?? hostname ?? id);

/** Names of what is left that an answer lists. */
const LEFT_NAMED_MAX = 20;

/** How far the rotation of the key of secrets is. */
function sealKeyPicture(view: View): SecretsKeyRotationAnswer {
  const { sealKey } = clusterOf(view);
  const total = sealedThings(view).length;
  if (sealKey === undefined) return { total };
  const { phase, steppedAt } = sealKey;
  const since = toTimestamp(steppedAt);
  if (phase === undefined) return { total, since };
  const left = sealedOtherwise(view, sealKey).map(({ name }) => name);
  const isAway = ({ raftRole, status }: ClusterNode): boolean => raftRole !== "none" && status.state === "down";
  const waitsFor = phase === "hold" ? { waitsFor: namesOf(view, isAway) } : {};
  return { total, since, rotation: { phase, left: left.length, among: left.slice(0, LEFT_NAMED_MAX), ...waitsFor } };
}

/** Sealed, as the record holds it. */
const newUnlockKey = (access: ClusterAccess): Promise<string> =>
  access.cluster().seal(Buffer.from(access.ports.tokens.newUnlockKey()), UNLOCK_KEY_SEAL_ID);

async function rotateToken(context: Context, access: ClusterAccess, role?: "worker" | "manager"): Promise<void> {
  const { version } = clusterOf(await access.read(context));
  const joinSecret = access.ports.tokens.newSecret();
  await access.submit(context, { kind: "rotateJoinSecret", version, joinSecret, ...(role !== undefined && { role }) });
}

/** The token, and the address of this manager for the line that other nodes join by. */
function joinToken(access: ClusterAccess, view: View): JoinTokenAnswer {
  const standing = access.ports.node.status();
  const address = standing.state === "active" ? standing.address : "";
  return { joinToken: access.ports.tokens.format(clusterOf(view)), address };
}

/** Docker parses the force of a leave loosely. */
export const leaveForce = (context: Context): boolean => looseFlag(context.req.query("force"));
