import { ClusterError } from "@murmur/base";
import type { Context, Hono } from "hono";
import { toInitRequest, toJoinRequest } from "../docker/swarm.ts";
import type { ClusterInitAnswer, ClusterSummary, JoinTokenAnswer, NodeJoinAnswer } from "../murmur-types.ts";
import type { ApiPorts, NodeStanding } from "../ports.ts";
import { readJson, readOptionalJson } from "./body.ts";
import { thisNode } from "./cluster-summary.ts";
import { requestSignal } from "./context.ts";
import { parseInit, parseJoin, parseForce } from "./membership-schema.ts";
import { leaveForce } from "./swarm-routes.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

/** Joining fetches a certificate and a first replica: it may take longer than other requests. */
const MEMBERSHIP_MS = 75_000;

const signalOf = (context: Context): AbortSignal =>
  AbortSignal.any([context.req.raw.signal, AbortSignal.timeout(MEMBERSHIP_MS)]);

/** This node's way into a cluster and out of it, in Docker's words and in Murmur's; and what only it can tell. */
export function addMembershipRoutes(app: Hono, ports: ApiPorts, askCluster: AskCluster): void {
  const { node } = ports;

  app.post("/swarm/init", async (context) => {
    await node.init(toInitRequest(await readJson(context.req.raw)), signalOf(context));
    return context.json(member(node.status()).nodeId);
  });
  app.post("/swarm/join", async (context) => {
    await node.join(toJoinRequest(await readJson(context.req.raw)), signalOf(context));
    return context.body(null, 200);
  });
  app.post("/swarm/leave", async (context) => {
    await node.leave({ force: leaveForce(context) }, signalOf(context));
    return context.body(null, 200);
  });

  app.post("/murmur/cluster/init", async (context) => {
    await node.init(parseInit(await readOptionalJson(context.req.raw)), signalOf(context));
    const { joinToken } = await askJson<JoinTokenAnswer>(askCluster, "/murmur/join-token", requestSignal(context));
    const answer: ClusterInitAnswer = { ...member(node.status()), joinToken };
    return context.json(answer);
  });
  app.post("/murmur/node/join", async (context) => {
    await node.join(parseJoin(await readJson(context.req.raw)), signalOf(context));
    const answer: NodeJoinAnswer = member(node.status());
    return context.json(answer);
  });
  app.post("/murmur/cluster/leave", async (context) => {
    await node.leave(parseForce(await readOptionalJson(context.req.raw)), signalOf(context));
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

function member(standing: NodeStanding): NodeJoinAnswer {
  if (standing.state === "active") return { nodeId: standing.nodeId, address: standing.address };
  throw new ClusterError("unavailable", "the node left the cluster again at once: look at the daemon's log");
}
