import { ClusterError, codeOf, messageOf, sleep, type Millis, type NodeId } from "@murmur/base";
import type { Context, Hono } from "hono";
import { z } from "zod";
import type { Node } from "../docker/node-types.ts";
import { dockerObject, parseWith } from "../docker/lenient-object.ts";
import { textMap } from "../docker/container-schema.ts";
import type { ClusterVolume, CreatedVolume, VolumeAnswer, VolumeDetail } from "../murmur-types.ts";
import type { ApiPorts } from "../ports.ts";
import { readJson } from "./body.ts";
import { within } from "./context.ts";
import { inTime } from "./in-time.ts";
import { looseFlag } from "./query.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

/** A node that has said nothing by then is named as one that doesn't answer. */
const NODE_MS: Millis = 10_000;
/** Until then the managers should have heard from a node what was made or removed there, and how often that is looked at. */
const KNOWN_MS: Millis = 5_000;
const LOOK_MS: Millis = 25;
/** Nodes that hold a volume of one name, of which the engines are asked. */
const ASKED_MAX = 64;

const createBody = dockerObject({
  Name: z.string().max(255).default(""),
  Node: z.string().max(255).default(""),
  Driver: z.string().max(255).optional(),
  DriverOpts: textMap.optional(),
  Labels: textMap.optional(),
});

/**
 * Volumes on the nodes' own disks: made, looked at and removed by the engine of the node that has them. Which node that
 * is the managers know (`GET /murmur/volumes`).
 */
export function addVolumeRoutes(app: Hono, ports: ApiPorts, askCluster: AskCluster): void {
  const ask = new VolumeAsker(ports, askCluster);

  app.post("/murmur/volumes/create", (context) =>
    within(context, ports, async (signal) => {
      const { Node: named, ...body } = parseWith(createBody, await readJson(context.req.raw));
      if (named === "")
        throw new ClusterError("invalid_argument", "a local volume is on one node: say on which, with --node");
      const node = await ask.node(named, signal);
      const made = await ask.engineOf<VolumeAnswer>(node, { method: "POST", path: "/volumes", body });
      const isKnown = await ask.untilKnown(made.Name, { node, isThere: true }, signal);
      const warning = `the managers haven't heard from node ${node.Hostname} yet that it has ${made.Name}: services aren't placed by it before`;
      const created: CreatedVolume = { ...made, Warnings: isKnown ? [] : [warning] };
      return context.json(created, 201);
    }),
  );

  app.get("/murmur/volumes/:name", (context) =>
    within(context, ports, async (signal) => {
      const holders = (await ask.holders(context, signal)).slice(0, ASKED_MAX);
      return context.json(await Promise.all(holders.map((holder) => ask.detail(holder))));
    }),
  );

  app.delete("/murmur/volumes/:name", (context) =>
    within(context, ports, async (signal) => {
      const holders = await ask.holders(context, signal);
      const [holder, second] = holders;
      if (holder === undefined) return context.body(null, 204);
      if (second !== undefined) {
        const nodes = holders.map(({ Node: { Hostname } }) => Hostname).join(", ");
        const why = `volume ${holder.Name} is on several nodes (${nodes})`;
        throw new ClusterError("invalid_argument", `${why}: say which one to remove, with --node`);
      }
      await ask.remove(holder);
      await ask.untilKnown(holder.Name, { node: holder.Node, isThere: false }, signal);
      return context.body(null, 204);
    }),
  );
}

interface EngineAsk {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: object;
}

class VolumeAsker {
  readonly #ports: ApiPorts;
  readonly #askCluster: AskCluster;

  constructor(ports: ApiPorts, askCluster: AskCluster) {
    this.#ports = ports;
    this.#askCluster = askCluster;
  }

  async node(named: string, signal: AbortSignal): Promise<ClusterVolume["Node"]> {
    const path = `/nodes/${encodeURIComponent(named)}`;
    const { ID, Description, Status } = await askJson<Node>(this.#askCluster, path, signal);
    return { ID, Hostname: Description.Hostname || ID, State: Status.State };
  }

  /** The volumes of the name that a request is about, on the node that it names or on all that have one. */
  async holders(context: Context, signal: AbortSignal): Promise<ClusterVolume[]> {
    const name = context.req.param("name") ?? "";
    const node = context.req.query("node") ?? "";
    const query = new URLSearchParams({ name, tasks: "1", ...(node !== "" && { node }) });
    const found = await askJson<ClusterVolume[]>(this.#askCluster, `/murmur/volumes?${query.toString()}`, signal);
    if (found.length > 0 || looseFlag(context.req.query("force"))) return found;
    throw new ClusterError("not_found", `no such volume: ${name}${node === "" ? "" : ` on node ${node}`}`);
  }

  /** Never rejects: a node that doesn't answer is named. */
  async detail(volume: ClusterVolume): Promise<VolumeDetail> {
    try {
      const path = `/volumes/${encodeURIComponent(volume.Name)}`;
      return { ...volume, Engine: await this.engineOf<VolumeAnswer>(volume.Node, { method: "GET", path }) };
    } catch (error) {
      return { ...volume, Problem: messageOf(error) };
    }
  }

  async remove(volume: ClusterVolume): Promise<void> {
    const { Name, Node: node, Tasks = [] } = volume;
    const users = Tasks.filter(({ InUse }) => InUse).map((task) => task.Name);
    if (users.length > 0) throw inUse(volume, users);
    try {
      await this.engineOf(node, { method: "DELETE", path: `/volumes/${encodeURIComponent(Name)}` });
    } catch (error) {
      // What Docker's 409 is read as. A container that has ended keeps it as well, until its task's record goes.
      if (codeOf(error) !== "already_exists" || Tasks.length === 0) throw error;
      throw inUse(
        volume,
        Tasks.map((task) => `${task.Name} (${task.State})`),
      );
    }
  }

  /**
   * Waits until the managers know what was done on a node: whoever made a volume and then a service that mounts it finds
   * it placed there. Whether they do; they may not hear from the node for long, and what was done there is done.
   */
  async untilKnown(
    name: string,
    { node, isThere }: { readonly node: ClusterVolume["Node"]; readonly isThere: boolean },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { clock } = this.#ports;
    const path = `/murmur/volumes?${new URLSearchParams({ name, node: node.ID }).toString()}`;
    const until = clock.monotonic() + KNOWN_MS;
    for (;;) {
      const known = await askJson<ClusterVolume[]>(this.#askCluster, path, signal).catch(() => undefined);
      if (known !== undefined && known.length > 0 === isThere) return true;
      if (clock.monotonic() >= until || signal.aborted) return false;
      await sleep(clock, LOOK_MS, signal).catch(() => {});
    }
  }

  /** What a node's engine answers about its volumes. Errors: the engine's own, or the node that doesn't answer, named. */
  async engineOf<T>(node: ClusterVolume["Node"], { method, path, body }: EngineAsk): Promise<T> {
    const { askNode, clock } = this.#ports;
    const over = new AbortController();
    const headers = { "content-type": "application/json" };
    const init: RequestInit = { method, signal: over.signal };
    if (body !== undefined) Object.assign(init, { headers, body: JSON.stringify(body) });
    const toNode = async (request: Request): Promise<Response> => {
      try {
        // An id of a node, from this package's own routes.
        return await inTime(askNode(node.ID as NodeId, request), { clock, limitMs: NODE_MS });
      } catch (error) {
        const why = `node ${node.Hostname} doesn't answer: ${messageOf(error)}`;
        throw new ClusterError("unavailable", why, { cause: error });
      }
    };
    try {
      return await askJson<T>(toNode, path, over.signal, init);
    } finally {
      over.abort(new ClusterError("cancelled", "it is not waited for any more"));
    }
  }
}

function inUse({ Name, Node: { Hostname } }: ClusterVolume, users: readonly string[]): ClusterError {
  const shown = users.slice(0, 3).join(", ");
  const more = users.length > 3 ? ` and ${String(users.length - 3)} more` : "";
  const why = `remove ${Name}: volume is in use on node ${Hostname} by ${shown}${more}`;
  return new ClusterError("in_use", `${why}; remove or stop the service first`);
}
