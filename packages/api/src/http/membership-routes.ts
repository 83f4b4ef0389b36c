import { ClusterError, codeOf, messageOf, type Millis } from "@murmur/base";
import type { Context, Hono } from "hono";
import { forcesNewCluster, toInitRequest, toJoinRequest, toUnlockKey } from "../docker/swarm.ts";
import { LOCKED, NOT_IN_CLUSTER } from "../messages.ts";
import type { ClusterInitAnswer, ClusterSummary, JoinTokenAnswer, NodeJoinAnswer } from "../murmur-types.ts";
import type { ApiPorts, NodeStanding } from "../ports.ts";
import { readJson, readOptionalJson } from "./body.ts";
import { thisNode } from "./cluster-summary.ts";
import { within } from "./context.ts";
import { firstNodeIsUp } from "./first-node.ts";
import { joinedManager } from "./joined-manager.ts";
import { parseInit, parseJoin, parseForce } from "./membership-schema.ts";
import { leaveForce } from "./swarm-routes.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

/** Joining fetches a certificate and a first replica: it may take longer than other requests. */
const MEMBERSHIP_MS: Millis = 75_000;

/** The whole state is written to the disk. */
const RECOVERY_MS: Millis = 600_000;

/** This node's way into a cluster and out of it, in Docker's words and in Murmur's; and what only it can tell. */
export function addMembershipRoutes(app: Hono, ports: ApiPorts, askCluster: AskCluster): void {
  const { node, clock } = ports;
  const change = (context: Context, work: (signal: AbortSignal) => Promise<void>): Promise<void> =>
    within(context, { clock, limitMs: MEMBERSHIP_MS }, work);

  app.post("/swarm/init", async (context) => {
    const body = await readJson(context.req.raw);
    const asked = toInitRequest(body);
    const standing = node.status();
    if (standing.state === "active" && forcesNewCluster(body, standing.address)) {
      await within(context, { clock, limitMs: RECOVERY_MS }, (signal) => node.recover({ force: true }, signal));
      return context.json(standing.nodeId);
    }
    refuseMember(standing);
    await change(context, async (signal) => {
      await node.init(asked, signal);
      await firstNodeIsUp(member(node.status()).nodeId, { askCluster, clock }, signal);
    });
    return context.json(member(node.status()).nodeId);
  });
  app.post("/swarm/join", async (context) => {
    const asked = toJoinRequest(await readJson(context.req.raw));
    refuseMember(node.status());
    await change(context, async (signal) => {
      await node.join(asked, signal);
      await joinedManager(member(node.status()).nodeId, { askCluster, clock }, signal);
    });
    return context.body(null, 200);
  });
  app.post("/swarm/leave", async (context) => {
    const force = leaveForce(context);
    await change(context, (signal) => node.leave({ force }, signal)).catch((error: unknown) => {
      // Docker's clients know a node that is needed by this status.
      if (codeOf(error) === "failed_precondition") throw new ClusterError("unavailable", messageOf(error));
      throw error;
    });
    return context.body(null, 200);
  });

  app.post("/swarm/unlock", async (context) => {
    const key = toUnlockKey(await readJson(context.req.raw));
    if (node.status().state === "outside") throw new ClusterError("not_in_cluster", NOT_IN_CLUSTER);
    await change(context, () => node.unlock(key));
    return context.body(null, 200);
  });

  app.post("/murmur/cluster/init", async (context) => {
    const asked = parseInit(await readOptionalJson(context.req.raw));
    await change(context, async (signal) => {
      await node.init(asked, signal);
      await firstNodeIsUp(member(node.status()).nodeId, { askCluster, clock }, signal);
    });
    const { joinToken } = await within(context, { clock }, (signal) =>
      askJson<JoinTokenAnswer>(askCluster, "/murmur/join-token", signal),
    );
    const answer: ClusterInitAnswer = { ...member(node.status()), joinToken };
    return context.json(answer);
  });
  app.post("/murmur/node/join", async (context) => {
    const asked = parseJoin(await readJson(context.req.raw));
    await change(context, (signal) => node.join(asked, signal));
    const answer: NodeJoinAnswer = member(node.status());
    return context.json(answer);
  });
  app.post("/murmur/cluster/leave", async (context) => {
    const asked = parseForce(await readOptionalJson(context.req.raw));
    await change(context, (signal) => node.leave(asked, signal));
    return context.body(null, 200);
  });

  app.get("/murmur/cluster", async (context) => {
    const response = await askCluster(context.req.raw);
    if (!response.ok) return response;
    // Written by this package's own routes, perhaps on another node.
    const summary = (await response.json()) as ClusterSummary;
    return context.json({ ...summary, thisNode: thisNode(node.status()) });
  });
}

/** Docker's clients look for this sentence. */
const PART_OF_A_SWARM =
  'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.';

function refuseMember({ state }: NodeStanding): void {
  if (state === "locked") throw new ClusterError("unavailable", LOCKED);
  if (state === "active") throw new ClusterError("already_in_cluster", PART_OF_A_SWARM);
}

function member(standing: NodeStanding): NodeJoinAnswer {
  if (standing.state === "active") return { nodeId: standing.nodeId, address: standing.address };
  throw new ClusterError("unavailable", "the node left the cluster again at once: look at the daemon's log");
}
