import { ClusterError } from "@murmur/base";
import type { Context, Hono } from "hono";
import type { Service } from "../docker/service-types.ts";
import type { Task } from "../docker/task-types.ts";
import { FollowedLogs } from "../logs/followed-logs.ts";
import { encodeOutput, type OutputForm } from "../logs/log-output.ts";
import type { LogTarget, LogWorld, ShownEntry } from "../logs/log-target.ts";
import type { LogWish } from "../logs/log-wish.ts";
import { pastLogs } from "../logs/past-logs.ts";
import type { ApiPorts } from "../ports.ts";
import { compareVersions, splitVersion } from "./api-version.ts";
import { madeBody } from "./made-body.ts";
import { looseFlag } from "./query.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

/** Logs that are read through this node at once; more are refused with `overloaded`. */
const READERS_MAX = 256;
/** From this version of the API on the answer's type says whether it is multiplexed. */
const TYPED_SINCE = "1.42";

interface Reading {
  readonly target: LogTarget;
  readonly tty: boolean;
}

/**
 * Logs are gathered by the node that is asked: it asks the cluster which tasks there are, and their nodes for what they
 * have. So nothing is lost when a manager is.
 */
export function addLogRoutes(app: Hono, ports: ApiPorts, askCluster: AskCluster): void {
  const world: LogWorld = { ports, askCluster };
  let readers = 0;

  const answer = (context: Context, { target, tty }: Reading, asked: Asked): Response => {
    if (readers >= READERS_MAX) throw new ClusterError("overloaded", "too many logs are being read: try again later");
    readers += 1;
    const { signal } = context.req.raw;
    const over = new AbortController();
    const end = (): void => {
      readers -= 1;
      over.abort(new ClusterError("cancelled", "nobody reads this any more"));
    };
    const nodes = new Map<string, string>();
    const told: LogWorld = { ...world, onTask: (task, node) => void nodes.set(task, node) };
    const { timestamps, details, wish } = asked;
    const form: OutputForm = {
      service: target.service,
      nodeOf: (task) => nodes.get(task) ?? "",
      timestamps,
      details,
      multiplexed: !tty,
      stderr: wish.stderr,
    };
    const entries = wish.follow
      ? new FollowedLogs(told, { target, wish }).entries(over.signal)
      : pastLogs(told, { target, wish }, over.signal);
    const typed =
      compareVersions(splitVersion(new URL(context.req.url).pathname).version ?? TYPED_SINCE, TYPED_SINCE) >= 0;
    const type = !tty && typed ? "multiplexed-stream" : "raw-stream";
    return new Response(madeBody(encoded(entries, form), { signal, end }), {
      headers: { "content-type": `application/vnd.docker.${type}` },
    });
  };

  app.get("/services/:id/logs", async (context) => {
    const asked = askedFor(context);
    const id = encodeURIComponent(context.req.param("id"));
    const { ID, Spec } = await askJson<Service>(askCluster, `/services/${id}`, context.req.raw.signal);
    return answer(context, { target: { service: ID }, tty: Spec.TaskTemplate?.ContainerSpec?.TTY === true }, asked);
  });

  app.get("/tasks/:id/logs", async (context) => {
    const asked = askedFor(context);
    const id = encodeURIComponent(context.req.param("id"));
    const { ID, ServiceID, Spec } = await askJson<Task>(askCluster, `/tasks/${id}`, context.req.raw.signal);
    const target = { service: ServiceID, task: ID };
    return answer(context, { target, tty: Spec.ContainerSpec.TTY === true }, asked);
  });
}

async function* encoded(
  entries: AsyncIterable<readonly ShownEntry[]>,
  form: OutputForm,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const batch of entries) {
    const bytes = encodeOutput(batch, form);
    if (bytes.byteLength > 0) yield bytes;
  }
}

interface Asked {
  readonly wish: LogWish;
  readonly timestamps: boolean;
  readonly details: boolean;
}

/** The query as Docker takes it. Errors: `invalid_argument` with Docker's words. */
function askedFor(context: Context): Asked {
  const query = (name: string): string => context.req.query(name) ?? "";
  const flag = (name: string): boolean => looseFlag(context.req.query(name));
  const [stdout, stderr, details] = [flag("stdout"), flag("stderr"), flag("details")];
  if (!stdout && !stderr) throw refused("Bad parameters: you must choose at least one stream");
  const tail = query("tail");
  if (tail !== "" && tail !== "all" && !/^-?\d+$/.test(tail))
    throw refused('tail value must be a positive integer or "all"');
  if (tail.startsWith("-")) throw refused("negative tail values not supported");
  const moment = (name: string): string => {
    const text = query(name);
    if (text === "" || text === "0") return "";
    if (!/^\d{1,12}(\.\d{1,9})?$/.test(text))
      throw refused(`could not parse ${name} timestamp: '${text}' is not a number of seconds since 1970`);
    return text;
  };
  const wish = { follow: flag("follow"), stdout, stderr, details, tail: tail || "all" };
  return { wish: { ...wish, since: moment("since"), until: moment("until") }, timestamps: flag("timestamps"), details };
}

/** Docker Swarm answers 500 to these. */
const refused = (message: string): ClusterError => new ClusterError("invalid_argument", message);
