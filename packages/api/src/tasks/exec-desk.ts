import type { Duplex } from "node:stream";
import { ClusterError } from "@murmur/base";
import type { Context, Hono } from "hono";
import { drained } from "../client/drained.ts";
import { sendSignal } from "../engine/engine-process.ts";
import { readBytes } from "../http/body.ts";
import { within } from "../http/context.ts";
import { madeBody } from "../http/made-body.ts";
import { readBody } from "../http/read-body.ts";
import type { ApiPorts } from "../ports.ts";
import { ownContainers } from "./own-containers.ts";

/** Commands that are being run in containers of this node through Murmur at once. */
const RUNNING_MAX = 256;
const JSON_TYPE = "application/json";

/**
 * Runs commands in the containers of this node's tasks, in Docker's way: made, started, looked at, each a request. A
 * command is found only under the task that it was made for.
 */
export function addExecDesk(app: Hono, ports: ApiPorts): void {
  const { engine } = ports;
  let running = 0;

  const containerOf = async (context: Context, signal: AbortSignal): Promise<string> => {
    const standing = ports.node.status();
    if (standing.state !== "active") throw new ClusterError("unavailable", "this node is in no cluster just now");
    const task = context.req.param("task") ?? "";
    const id = (await ownContainers(engine, { self: standing.nodeId, task }, signal)).find(task);
    if (id !== undefined) return id;
    throw new ClusterError("not_found", `task ${task} has no container on its node`);
  };
  const execOf = async (context: Context, signal: AbortSignal): Promise<Exec> => {
    const id = context.req.param("exec") ?? "";
    const container = await containerOf(context, signal);
    const { status, body } = /^[0-9a-f]{64}$/.test(id)
      ? await engine.get(`/exec/${id}/json`, signal)
      : { status: 404, body: undefined };
    if (status === 200 && isExec(body) && body.ContainerID === container) return { ...body, id, container };
    throw new ClusterError("not_found", `No such exec instance: ${id}`);
  };

  app.post("/tasks/:task/exec", (context) =>
    within(context, ports, async (signal) => {
      const body = await readBytes(context.req.raw);
      const path = `/containers/${await containerOf(context, signal)}/exec`;
      return engine.send({ method: "POST", path, contentType: JSON_TYPE, body }, signal);
    }),
  );

  app.get("/tasks/:task/exec/:exec", (context) =>
    within(context, ports, async (signal) => {
      const { Running, ExitCode } = await execOf(context, signal);
      return context.json({ Running, ExitCode });
    }),
  );

  app.post("/tasks/:task/exec/:exec/resize", (context) =>
    within(context, ports, async (signal) => {
      const { id } = await execOf(context, signal);
      const [h, w] = [context.req.query("h") ?? "", context.req.query("w") ?? ""];
      if (!/^\d{1,5}$/.test(h) || !/^\d{1,5}$/.test(w)) throw new ClusterError("invalid_argument", "give h and w");
      return engine.send({ method: "POST", path: `/exec/${id}/resize?h=${h}&w=${w}` }, signal);
    }),
  );

  app.post("/tasks/:task/exec/:exec/kill", (context) =>
    within(context, ports, async (signal) => {
      const { Pid, Running, container } = await execOf(context, signal);
      if (Running) await sendSignal(Pid, { name: context.req.query("signal") ?? "SIGTERM", container });
      return context.body(null, 204);
    }),
  );

  /** The request's body is the command's input, the answer's its output, as the engine gives it. */
  app.post("/tasks/:task/exec/:exec/start", async (context) => {
    const { id } = await within(context, ports, (signal) => execOf(context, signal));
    const flag = (name: string): boolean => context.req.query(name) === "1";
    const options = new TextEncoder().encode(JSON.stringify({ Detach: flag("detach"), Tty: flag("tty") }));
    const request = { method: "POST", path: `/exec/${id}/start`, contentType: JSON_TYPE, body: options } as const;
    if (flag("detach")) return within(context, ports, (signal) => engine.send(request, signal));
    if (running >= RUNNING_MAX)
      throw new ClusterError("overloaded", "too many commands are being run on this node: try again later");
    running += 1;
    const over = new AbortController();
    const end = (): void => {
      running -= 1;
      over.abort(new ClusterError("cancelled", "the command's other end is gone"));
    };
    try {
      const { signal, body } = context.req.raw;
      const socket = await within(context, ports, () => engine.takeOver(request, over.signal));
      if (body !== null) void feed(socket, readBody(body, over.signal)).catch(() => socket.destroy());
      return new Response(madeBody(outputOf(socket), { signal, end }));
    } catch (error) {
      end();
      throw error;
    }
  });
}

interface Exec {
  readonly id: string;
  readonly container: string;
  readonly Running: boolean;
  readonly ExitCode: number | null;
  readonly Pid: number;
}

const isExec = (body: unknown): body is Omit<Exec, "id" | "container"> & { readonly ContainerID: string } =>
  typeof body === "object" && body !== null && "ContainerID" in body && "Running" in body && "Pid" in body;

/** Writes input as fast as it is taken; its end is the input's end. Never ends the other direction. */
async function feed(socket: Duplex, input: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of input) {
    if (socket.destroyed) return;
    if (!socket.write(piece)) await drained(socket);
  }
  socket.end();
}

async function* outputOf(socket: Duplex): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of socket) yield piece as Uint8Array;
}
