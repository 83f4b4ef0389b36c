import { ClusterError, messageOf } from "@murmur/base";
import type { Hono } from "hono";
import { toNetworkResource } from "../docker/network.ts";
import type { Network, NetworkResource } from "../docker/network-types.ts";
import type { ApiPorts } from "../ports.ts";
import { within } from "./context.ts";
import { Filters } from "../docker/filters.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

const FILTERS = ["id", "name", "label", "driver", "scope", "type", "dangling"];

/**
 * Networks can be read here: the cluster's beside the engine's own. Making, removing and connecting goes to the engine
 * (the cluster has one network, there from the start).
 */
export function addNetworkRoutes(app: Hono, ports: ApiPorts, askCluster: AskCluster): void {
  const ofCluster = async (signal: AbortSignal): Promise<NetworkResource[]> => {
    if (ports.node.status().state !== "active") return [];
    return (await askJson<Network[]>(askCluster, "/murmur/networks", signal)).map(toNetworkResource);
  };

  app.get("/networks", async (context) => {
    const given = context.req.query("filters");
    const filters = Filters.parse(given, FILTERS);
    const query = given === undefined ? "" : `?filters=${encodeURIComponent(given)}`;
    const [engine, cluster] = await within(context, ports, (signal) =>
      Promise.all([ports.engine.get(`/networks${query}`, signal), ofCluster(signal)]),
    );
    if (engine.status !== 200 || !Array.isArray(engine.body))
      return Response.json(engine.body, { status: engine.status });
    return context.json([...cluster.filter((network) => fits(network, filters)), ...engine.body]);
  });

  app.get("/networks/:id", async (context) => {
    const text = context.req.param("id");
    const networks = await within(context, ports, ofCluster).catch((error: unknown) => {
      ports.log.debug("the cluster's networks are not known", { error: messageOf(error) });
      return [];
    });
    const found =
      networks.find((network) => network.Id === text) ??
      networks.find((network) => network.Name === text) ??
      networks.find((network) => network.Id.startsWith(text));
    if (found !== undefined && context.req.query("scope") !== "local") return context.json(found);
    const query = new URL(context.req.url).search;
    const path = `/networks/${encodeURIComponent(text)}${query}`;
    const engine = await within(context, ports, (signal) => ports.engine.get(path, signal));
    return Response.json(engine.body, { status: engine.status });
  });
}

function fits(network: NetworkResource, filters: Filters): boolean {
  for (const type of filters.get("type")) {
    if (type === "builtin") return false;
    if (type !== "custom") throw new ClusterError("invalid_argument", `invalid filter: 'type'='${type}'`);
  }
  const named = filters.get("name");
  return (
    filters.beginsWith("id", network.Id) &&
    (named.length === 0 || named.some((text) => network.Name.includes(text))) &&
    filters.hasLabels("label", network.Labels) &&
    filters.is("driver", network.Driver) &&
    filters.is("scope", network.Scope) &&
    filters.get("dangling").length === 0
  );
}
