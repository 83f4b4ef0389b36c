import { ClusterError } from "@murmur/base";
import type { Context, Hono } from "hono";
import { jsonIn, readJson } from "../http/body.ts";
import { within } from "../http/context.ts";
import type { ApiPorts } from "../ports.ts";

const JSON_TYPE = "application/json";

/**
 * The volumes of this node's engine that are the cluster's affair: made with the cluster's label, looked at, removed. Of
 * others it says that there are none.
 */
export function addVolumeDesk(app: Hono, ports: ApiPorts): void {
  const { engine, volumes } = ports;
  const pathOf = (context: Context): string => {
    const name = context.req.param("name") ?? "";
    if (!volumes.held().includes(name)) throw new ClusterError("not_found", `no such volume: ${name}`);
    return `/volumes/${encodeURIComponent(name)}`;
  };

  app.post("/volumes", (context) =>
    within(context, ports, async (signal) => {
      const asked = await readJson(context.req.raw);
      const { Labels, ...wanted } = asked as Readonly<Record<string, unknown>>;
      const labels = { ...(Labels as Readonly<Record<string, string>> | undefined), ...volumes.labels() };
      const body = new TextEncoder().encode(JSON.stringify({ ...wanted, Labels: labels }));
      const made = await engine.send({ method: "POST", path: "/volumes/create", contentType: JSON_TYPE, body }, signal);
      const answer = new Uint8Array(await made.arrayBuffer());
      if (made.ok && !isOwn(jsonIn(answer), volumes.labels()))
        throw new ClusterError("name_conflict", "the node has a volume of this name that the cluster didn't make");
      volumes.changed();
      return new Response(answer, { status: made.status, headers: { "content-type": JSON_TYPE } });
    }),
  );

  app.get("/volumes/:name", (context) =>
    within(context, ports, (signal) => engine.send({ method: "GET", path: pathOf(context) }, signal)),
  );

  app.delete("/volumes/:name", (context) =>
    within(context, ports, async (signal) => {
      const removed = await engine.send({ method: "DELETE", path: pathOf(context) }, signal);
      volumes.changed();
      return removed;
    }),
  );
}

/** An engine that has a volume of the name already answers with that one, whatever its labels. */
function isOwn(made: unknown, own: Readonly<Record<string, string>>): boolean {
  const labels = typeof made === "object" && made !== null && "Labels" in made ? made.Labels : undefined;
  if (typeof labels !== "object" || labels === null) return false;
  const found = new Map<string, unknown>(Object.entries(labels));
  return Object.entries(own).every(([name, value]) => found.get(name) === value);
}
