import { ClusterError, codeOf, messageOf, type Millis, type NodeId } from "@murmur/base";
import type { Context, Hono } from "hono";
import type { Task } from "../docker/task-types.ts";
import type { ApiPorts } from "../ports.ts";
import { inTime } from "./in-time.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

/** Until a node begins to answer. */
const HEAD_MS: Millis = 20_000;

/** Commands in the containers of tasks, on whichever node those are: see `exec-desk.ts`, which answers. */
export function addExecRoutes(app: Hono, ports: ApiPorts, askCluster: AskCluster): void {
  const handOn = async (context: Context): Promise<Response> => {
    const { raw } = context.req;
    const id = context.req.param("id") ?? "";
    const task = await askJson<Task>(askCluster, `/tasks/${encodeURIComponent(id)}`, raw.signal);
    const node = nodeOf(task);
    const { pathname, search } = new URL(raw.url);
    const [, rest = ""] = /\/exec(\/.*)?$/.exec(pathname) ?? [];
    const init: RequestInit = { method: raw.method, signal: raw.signal };
    const type = raw.headers.get("content-type");
    if (type !== null) init.headers = { "content-type": type };
    // `duplex`: the answer begins while the body still comes.
    if (raw.body !== null) Object.assign(init, { body: raw.body, duplex: "half" });
    const request = new Request(`http://murmur/tasks/${task.ID}/exec${rest}${search}`, init);
    try {
      return await inTime(ports.askNode(node, request), { clock: ports.clock, limitMs: HEAD_MS });
    } catch (error) {
      throw new ClusterError(codeOf(error), `node ${node} is not available: ${messageOf(error)}`, { cause: error });
    }
  };
  app.all("/murmur/tasks/:id/exec", handOn);
  app.all("/murmur/tasks/:id/exec/*", handOn);
}

/** Errors: `failed_precondition` for a task that has no container in which something could run. */
function nodeOf({ ID, NodeID, Status }: Task): NodeId {
  // An id of a node, from this package's own routes.
  if (NodeID !== undefined && (Status.State === "running" || Status.State === "starting")) return NodeID as NodeId;
  throw new ClusterError("failed_precondition", `task ${ID} isn't running: it is ${Status.State}`);
}

/** Whether a request's connection becomes the command's input and output. */
export const takesOver = (method: string, path: string): boolean =>
  method === "POST" && /^\/murmur\/tasks\/[^/]+\/exec\/[^/]+\/start$/.test(path);
