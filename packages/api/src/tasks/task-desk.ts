import { ClusterError, type NodeId } from "@murmur/base";
import { Hono, type Context } from "hono";
import { within } from "../http/context.ts";
import { handleErrors } from "../http/respond.ts";
import { madeBody } from "../http/made-body.ts";
import { readWish } from "../logs/log-wish.ts";
import type { ApiPorts } from "../ports.ts";
import { addExecDesk } from "./exec-desk.ts";
import { TASKS_MAX } from "./task-limits.ts";
import { TaskLogs } from "./task-logs.ts";
import { TaskStats } from "./task-stats.ts";
import { addVolumeDesk } from "./volume-desk.ts";

/** What the nodes ask each other about the containers of their tasks and the cluster's volumes, and nothing else of their engines. */
export function createTaskDesk(ports: ApiPorts): Hono {
  const app = new Hono();
  handleErrors(app, ports.log);
  const logs = new TaskLogs(ports.engine, ports.clock);
  const stats = new TaskStats(ports.engine, ports.clock);
  const here = (): NodeId => {
    const standing = ports.node.status();
    if (standing.state === "active") return standing.nodeId;
    throw new ClusterError("unavailable", "this node is in no cluster just now");
  };
  const namedIn = (context: Context): readonly string[] => {
    const tasks = context.req.queries("task") ?? [];
    if (tasks.length <= TASKS_MAX) return tasks;
    throw new ClusterError("invalid_argument", "too many tasks are named");
  };

  app.get("/stats", (context) =>
    within(context, ports, async (signal) =>
      context.json(await stats.look({ self: here(), tasks: namedIn(context) }, signal)),
    ),
  );

  app.get("/logs", async (context) => {
    const request = { self: here(), tasks: namedIn(context), wish: readWish(new URL(context.req.url).searchParams) };
    const over = new AbortController();
    const end = (): void => over.abort(new ClusterError("cancelled", "nobody reads this any more"));
    const { signal } = context.req.raw;
    signal.addEventListener("abort", end, { once: true });
    try {
      const pieces = await logs.read(request, over.signal);
      return new Response(madeBody(pieces, { signal, end }));
    } catch (error) {
      end();
      throw error;
    }
  });
  addExecDesk(app, ports);
  addVolumeDesk(app, ports);
  return app;
}
