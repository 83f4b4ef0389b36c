import { ClusterError } from "@murmur/base";
import type { Cluster } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Context, Hono } from "hono";
import { fromCluster, toClusterSpec } from "../docker/swarm.ts";
import type { Swarm } from "../docker/swarm-types.ts";
import type { JoinTokenAnswer } from "../murmur-types.ts";
import { readJson } from "./body.ts";
import type { ClusterAccess } from "./context.ts";
import { looseFlag, strictFlag, versionQuery } from "./query.ts";

/** The replicated cluster record; in a cluster there always is one. */
export function clusterOf(view: View): Cluster {
  const cluster = view.cluster();
  if (cluster === undefined) throw new ClusterError("unavailable", "the cluster is only just starting: try again");
  return cluster;
}

export function addSwarmRoutes(app: Hono, access: ClusterAccess): void {
  const { ports } = access;

  app.get("/swarm", async (context) => {
    const cluster = clusterOf(await access.read(context));
    const token = ports.tokens.format(cluster);
    const answer: Swarm = { ...fromCluster(cluster), JoinTokens: { Worker: token, Manager: token } };
    return context.json(answer);
  });

  app.post("/swarm/update", async (context) => {
    const version = versionQuery(context.req.query("version"), "swarm");
    const rotate =
      strictFlag(context.req.query("rotateWorkerToken"), "rotateWorkerToken") ||
      strictFlag(context.req.query("rotateManagerToken"), "rotateManagerToken");
    if (strictFlag(context.req.query("rotateManagerUnlockKey"), "rotateManagerUnlockKey")) throw noUnlockKey();
    const body = await readJson(context.req.raw);
    const current = clusterOf(await access.read(context));
    const spec = toClusterSpec(body, current.spec);
    await access.submit(context, { kind: "updateCluster", version, spec });
    if (rotate) await rotateToken(context, access);
    return context.body(null, 200);
  });

  app.get("/swarm/unlockkey", (context) => context.json({ UnlockKey: "" }));
  app.post("/swarm/unlock", () => {
    throw new ClusterError("already_exists", "swarm is not locked");
  });

  app.get("/murmur/join-token", async (context) => context.json(joinToken(access, await access.read(context))));
  app.post("/murmur/join-token/rotate", async (context) => {
    await rotateToken(context, access);
    return context.json(joinToken(access, await access.read(context)));
  });
}

const noUnlockKey = (): ClusterError =>
  new ClusterError("unsupported", "Murmur doesn't seal its store with a key yet: there is no unlock key to rotate");

async function rotateToken(context: Context, access: ClusterAccess): Promise<void> {
  const { version } = clusterOf(await access.read(context));
  await access.submit(context, { kind: "rotateJoinSecret", version, joinSecret: access.ports.tokens.newSecret() });
}

/** The token, and the address of this manager for the line that other nodes join by. */
function joinToken(access: ClusterAccess, view: View): JoinTokenAnswer {
  const standing = access.ports.node.status();
  const address = standing.state === "active" ? standing.address : "";
  return { joinToken: access.ports.tokens.format(clusterOf(view)), address };
}

/** Docker parses the force of a leave loosely. */
export const leaveForce = (context: Context): boolean => looseFlag(context.req.query("force"));
