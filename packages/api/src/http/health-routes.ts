import { ClusterError, type Millis } from "@murmur/base";
import type { Context, Hono } from "hono";
import type { ClusterSummary, HealthAnswer } from "../murmur-types.ts";
import type { ApiPorts } from "../ports.ts";
import { within } from "./context.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

const PART_MS: Millis = 2_000;
/** Every node looks at all that its kernel holds. */
const DOCTOR_MS: Millis = 120_000;
/** Nodes that a request may name. */
const NAMED_MAX = 256;

export function addHealthRoutes(app: Hono, ports: ApiPorts, askCluster: AskCluster): void {
  const doctor = { clock: ports.clock, limitMs: DOCTOR_MS };

  /** 503 when degraded, for probes that look at the status alone; `?verdict=body` answers 200 all the same. */
  app.get("/murmur/health", async (context) => {
    const problems = await problemsOf(ports, askCluster, context);
    const answer: HealthAnswer = { status: problems.length === 0 ? "ok" : "degraded", problems };
    const always = context.req.query("verdict") === "body";
    return context.json(answer, always || problems.length === 0 ? 200 : 503);
  });

  // Answered by the node that is asked: it works without managers. `?node=NAME` picks nodes; else all are looked at.
  const look = async (context: Context, repair: boolean): Promise<Response> => {
    const nodes = context.req.queries("node") ?? [];
    if (nodes.length > NAMED_MAX)
      throw new ClusterError("invalid_argument", "too many nodes are named: leave node out");
    return context.json(await within(context, doctor, (signal) => ports.node.doctor({ repair, nodes }, signal)));
  };
  app.get("/murmur/doctor", (context) => look(context, false));
  app.post("/murmur/doctor/repair", (context) => look(context, true));

  app.get("/murmur/metrics", async (context) => {
    const text = await ports.metrics.text();
    return context.body(text, 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  });
}

async function problemsOf(ports: ApiPorts, askCluster: AskCluster, context: Context): Promise<string[]> {
  const standing = ports.node.status();
  const [engine, cluster] = await within(context, { clock: ports.clock, limitMs: PART_MS }, (signal) =>
    Promise.all([
      ports.engine.facts(signal).catch(() => undefined),
      standing.state === "active" ? clusterProblem(askCluster, signal) : undefined,
    ]),
  );
  const problems: string[] = [];
  if (engine?.answers !== true) problems.push("the container engine doesn't answer");
  if (standing.state === "starting") problems.push("the node is still starting");
  if (standing.state === "joining") problems.push("the node is still joining the cluster");
  if (standing.state === "failed") problems.push(standing.message);
  if (standing.state === "locked") problems.push("the node is locked: `murmur cluster unlock`");
  if (cluster !== undefined) problems.push(cluster);
  return problems;
}

async function clusterProblem(askCluster: AskCluster, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { leader } = await askJson<ClusterSummary>(askCluster, "/murmur/cluster", signal);
    return leader === undefined ? "the cluster has no leader: too few managers can reach each other" : undefined;
  } catch {
    return "no manager of the cluster can be reached";
  }
}
