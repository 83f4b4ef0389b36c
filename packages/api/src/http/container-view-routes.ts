import type { Context, Hono } from "hono";
import { namesSides, withClusterNames } from "../docker/engine-side-names.ts";
import { OWN_LABEL } from "../docker/network-filter.ts";
import type { ApiPorts } from "../ports.ts";
import { within } from "./context.ts";
import type { ToEngine } from "./to-engine.ts";

/** An answer of the engine's that shows containers, with what the cluster calls the networks that they are in. */
export type ShownContainers = (context: Context, answer: Response) => Promise<Response>;

const SIDES = `/networks?filters=${encodeURIComponent(JSON.stringify({ label: [OWN_LABEL] }))}`;

/** Outside a cluster, and where no network of one is named, the answer is the engine's as it came. */
export const shownContainersOf =
  (ports: Pick<ApiPorts, "node" | "engine" | "clock">): ShownContainers =>
  async (context, answer) => {
    if (answer.status !== 200 || ports.node.status().state !== "active") return answer;
    const json = await answer.text();
    const init = { status: answer.status, headers: answer.headers };
    if (!namesSides(json)) return new Response(json, init);
    const { body } = await within(context, ports, (signal) => ports.engine.get(SIDES, signal));
    return new Response(withClusterNames(json, body), init);
  };

/** A container is shown in the cluster's networks by their names and ids there, as in Docker. */
export function addContainerViewRoutes(app: Hono, toEngine: ToEngine, shown: ShownContainers): void {
  app.get("/containers/:id/json", async (context) => shown(context, await toEngine(context, { method: "GET" })));
}
