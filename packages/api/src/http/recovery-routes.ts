import { ClusterError, type Millis } from "@murmur/base";
import type { Hono } from "hono";
import type { ClusterSummary, JoinTokenAnswer, RestoreAnswer, SecretsKeyAnswer } from "../murmur-types.ts";
import type { ApiPorts } from "../ports.ts";
import { readOptionalJson } from "./body.ts";
import { within } from "./context.ts";
import { parseForce, parseRestore } from "./membership-schema.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

/** Both write the whole state to the disk, and a backup has to arrive first. */
const LONG_MS: Millis = 600_000;

/** Taking a cluster up again, on this node: never forwarded, since which node does it is the point. */
export function addRecoveryRoutes(app: Hono, { node, clock }: ApiPorts, askCluster: AskCluster): void {
  const long = { clock, limitMs: LONG_MS };

  app.get("/murmur/cluster/secrets-key", (context) => {
    const answer: SecretsKeyAnswer = { secretsKey: node.secretsKey() };
    return context.json(answer);
  });

  app.get("/murmur/cluster/recovery", async (context) =>
    context.json(await within(context, { clock }, (signal) => node.recoveryPlan(signal))),
  );

  app.post("/murmur/cluster/recovery", async (context) => {
    const options = parseForce(await readOptionalJson(context.req.raw));
    return context.json(await within(context, long, (signal) => node.recover(options, signal)));
  });

  app.post("/murmur/cluster/restore", async (context) => {
    const options = parseRestore(context.req.query("options"));
    const { body } = context.req.raw;
    if (body === null) throw new ClusterError("invalid_argument", "the body is empty: send the backup");
    await within(context, long, (signal) => node.restore({ ...options, backup: body }, signal));
    const [{ joinToken, address }, summary] = await within(context, { clock }, (signal) =>
      Promise.all([
        askJson<JoinTokenAnswer>(askCluster, "/murmur/join-token", signal),
        askJson<ClusterSummary>(askCluster, "/murmur/cluster", signal),
      ]),
    );
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
