import { ClusterError, messageOf, type Millis, type NodeId } from "@murmur/base";
import type { Hono } from "hono";
import type { Node } from "../docker/node-types.ts";
import type { Service } from "../docker/service-types.ts";
import type { Task } from "../docker/task-types.ts";
import type { StatsAnswer, TaskSample } from "../murmur-types.ts";
import type { ApiPorts } from "../ports.ts";
import { TASKS_MAX } from "../tasks/task-limits.ts";
import { within } from "./context.ts";
import { inTime } from "./in-time.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

/** A node that has said nothing by then is named as one that doesn't answer. */
const NODE_MS: Millis = 4_000;
/** Names that a request may have. */
const NAMED_MAX = 256;

type NodeStats = StatsAnswer["nodes"][number];

/**
 * What tasks use, of `?service=NAME…`, or of `?node=NAME…` or all nodes. Gathered by the node that is asked; nothing is
 * kept: whoever wants rates asks twice.
 */
export function addStatsRoutes(app: Hono, ports: ApiPorts, askCluster: AskCluster): void {
  app.get("/murmur/stats", (context) =>
    within(context, ports, async (signal) => {
      const [services, named] = [context.req.queries("service") ?? [], context.req.queries("node") ?? []];
      if (services.length + named.length > NAMED_MAX)
        throw new ClusterError("invalid_argument", "too many services or nodes are named");
      const all = await askJson<Node[]>(askCluster, "/nodes", signal);
      const wanted = new Map<string, readonly string[]>();
      if (services.length > 0) {
        for (const [node, tasks] of await tasksOf(services, askCluster, signal)) wanted.set(node, tasks);
      } else if (named.length > 0) {
        for (const name of named)
          wanted.set((await askJson<Node>(askCluster, `/nodes/${encodeURIComponent(name)}`, signal)).ID, []);
      } else {
        for (const { ID } of all) wanted.set(ID, []);
      }
      const asked = [...wanted].map(([id, tasks]) =>
        statsOf(ports, { node: all.find(({ ID }) => ID === id), id, tasks }),
      );
      const answer: StatsAnswer = { nodes: await Promise.all(asked) };
      answer.nodes.sort((left, right) => (left.hostname < right.hostname ? -1 : 1));
      return context.json(answer);
    }),
  );
}

async function tasksOf(
  services: readonly string[],
  askCluster: AskCluster,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = await Promise.all(
    services.map((name) => askJson<Service>(askCluster, `/services/${encodeURIComponent(name)}`, signal)),
  );
  const filters = encodeURIComponent(JSON.stringify({ service: found.map(({ ID }) => ID) }));
  const nodes = new Map<string, string[]>();
  for (const { ID, NodeID, Status } of await askJson<Task[]>(askCluster, `/tasks?filters=${filters}`, signal)) {
    if (NodeID === undefined || (Status.State !== "running" && Status.State !== "starting")) continue;
    nodes.set(NodeID, [...(nodes.get(NodeID) ?? []), ID]);
  }
  return nodes;
}

/** Never rejects. */
async function statsOf(
  { askNode, clock }: ApiPorts,
  { node, id, tasks }: { readonly node: Node | undefined; readonly id: string; readonly tasks: readonly string[] },
): Promise<NodeStats> {
  const stats = { id, hostname: node?.Description.Hostname ?? id };
  const over = new AbortController();
  const samples: TaskSample[] = [];
  try {
    for (let at = 0; at === 0 || at < tasks.length; at += TASKS_MAX) {
      const query = new URLSearchParams(
        tasks.slice(at, at + TASKS_MAX).map((task): [string, string] => ["task", task]),
      );
      const request = new Request(`http://murmur/stats?${query.toString()}`, { signal: over.signal });
      // An id of a node, from this package's own routes.
      const asking = askNode(id as NodeId, request).then(async (answer) => ({
        ok: answer.ok,
        body: await answer.json(),
      }));
      const { ok, body } = await inTime(asking, { clock, limitMs: NODE_MS });
      if (!ok || !Array.isArray(body)) throw new Error(saidIn(body));
      // Written by this package's own desk.
      samples.push(...(body as TaskSample[]));
    }
    return { ...stats, samples };
  } catch (error) {
    return { ...stats, problem: messageOf(error), samples };
  } finally {
    over.abort(new ClusterError("cancelled", "it took too long"));
  }
}

const saidIn = (body: unknown): string =>
  typeof body === "object" && body !== null && "message" in body ? String(body.message) : "it gave no answer";
