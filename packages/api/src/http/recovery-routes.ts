import { ClusterError } from "@murmur/base";
import type { Context, Hono } from "hono";
import type { ClusterSummary, JoinTokenAnswer, RestoreAnswer } from "../murmur-types.ts";
import type { ApiPorts } from "../ports.ts";
import { readOptionalJson } from "./body.ts";
import { requestSignal } from "./context.ts";
import { parseForce, parseRestore } from "./membership-schema.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

/** Both write the whole state to the disk, and a backup has to arrive first. */
const LONG_MS = 600_000;

const longSignal = (context: Context): AbortSignal =>
  AbortSignal.any([context.req.raw.signal, AbortSignal.timeout(LONG_MS)]);

/** Taking a cluster up again, on this node: never forwarded, since which node does it is the point. */
export function addRecoveryRoutes(app: Hono, { node }: ApiPorts, askCluster: AskCluster): void {
  app.get("/murmur/cluster/recovery", async (context) => context.json(await node.recoveryPlan(requestSignal(context))));

  app.post("/murmur/cluster/recovery", async (context) => {
    const options = parseForce(await readOptionalJson(context.req.raw));
    return context.json(await node.recover(options, longSignal(context)));
  });

  app.post("/murmur/cluster/restore", async (context) => {
    const options = parseRestore(context.req.query("options"));
    const { body } = context.req.raw;
    if (body === null) throw new ClusterError("invalid_argument", "the body is empty: send the backup");
    await node.restore({ ...options, backup: body }, longSignal(context));
    const signal = requestSignal(context);
    const [{ joinToken, address }, summary] = await Promise.all([
      askJson<JoinTokenAnswer>(askCluster, "/murmur/join-token", signal),
      askJson<ClusterSummary>(askCluster, "/murmur/cluster", signal),
    ]);
    const standing = node.status();
    const answer: RestoreAnswer = {
      nodeId: standing.state === "active" ? standing.nodeId : "",
      address,
      clusterId: summary.id,
      clusterName: summary.name,
      joinToken,
      keeps: { nodes: summary.nodes.total, services: summary.services, tasks: summary.tasks.total },
    };
    return context.json(answer);
  });
}
