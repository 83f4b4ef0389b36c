import { ClusterError } from "@murmur/base";
import { LOCAL_DRIVERS } from "@murmur/model";
import type { Hono } from "hono";
import { fieldsIn } from "../docker/attach-by-hand.ts";
import { Filters } from "../docker/filters.ts";
import { refusePredefined } from "../docker/network.ts";
import { fits, LIST_FILTERS, wantedDangling, withoutOwnNetworks, withoutSides } from "../docker/network-filter.ts";
import { wantsClusterNetwork } from "../docker/network-schema.ts";
import { nodeNetworkResources } from "../docker/node-networks.ts";
import type { NetworksPruned, NetworkUse } from "../docker/network-types.ts";
import { olderNetworkWish } from "../docker/older-engine-wish.ts";
import { versionGap } from "../engine/engine-path.ts";
import type { ApiPorts } from "../ports.ts";
import { addAttachRoutes } from "./attach-routes.ts";
import { bytesOf, jsonIn, readBytes } from "./body.ts";
import { ClusterNetworks } from "./cluster-networks.ts";
import { within } from "./context.ts";
import { strictFlag } from "./query.ts";
import type { AskCluster } from "./system-routes.ts";
import { pathOf, toEngineOf } from "./to-engine.ts";

/** Networks: the cluster's beside the engine's own. What isn't the cluster's goes to the engine as it came. */
export function addNetworkRoutes(app: Hono, ports: ApiPorts, askCluster: AskCluster): void {
  const networks = new ClusterNetworks(ports, askCluster);
  const toEngine = toEngineOf(ports);
  addAttachRoutes(app, { clock: ports.clock, engine: ports.engine, networks, toEngine });

  app.get("/networks", async (context) => {
    const given = context.req.query("filters");
    const filters = Filters.parse(given, LIST_FILTERS);
    // Murmur's own clients ask for what a service may name; Docker's lists don't show these.
    const own = strictFlag(context.req.query("nodeNetworks"), "nodeNetworks");
    const query = given === undefined ? "" : `?filters=${encodeURIComponent(given)}`;
    const [engine, cluster] = await Promise.all([
      within(context, ports, (signal) => ports.engine.get(`/networks${query}`, signal)),
      networks.all(context, { dangling: wantedDangling(filters) }),
    ]);
    if (engine.status !== 200 || !Array.isArray(engine.body))
      return Response.json(engine.body, { status: engine.status });
    const wanted = own ? [...cluster, ...nodeNetworkResources()] : cluster;
    // Outside a cluster they are what is left of one, for their administrator to remove.
    const isMember = ports.node.status().state === "active";
    const local: readonly unknown[] = isMember ? withoutSides(engine.body, filters) : engine.body;
    return context.json([...wanted.filter((network) => fits(network, filters)), ...local]);
  });

  app.get("/networks/:id", async (context) => {
    const verbose = strictFlag(context.req.query("verbose"), "verbose");
    const scope = context.req.query("scope") ?? "";
    const isOther = !["", "swarm"].includes(scope);
    const text = context.req.param("id");
    if (!isOther && ports.node.status().state === "active") {
      const own = nodeNetworkResources().find(({ Id, Name }) => Id === text || (scope === "swarm" && Name === text));
      if (own !== undefined) return context.json(own);
    }
    const found = isOther ? undefined : await networks.find(context, text, { strictly: false });
    if (found === undefined) return toEngine(context, { method: "GET" });
    const here = { ...found, Containers: await networks.containersIn(context, found) };
    if (!verbose) return context.json(here);
    const use = await within(context, ports, (signal) => networks.useOf(found.Id, signal));
    return context.json({ ...here, ...whatThereIs(use) });
  });

  app.post("/networks/create", async (context) => {
    const { raw } = context.req;
    const body = await readBytes(raw);
    const contentType = raw.headers.get("content-type") ?? undefined;
    const json = jsonIn(body);
    const isCluster = wantsClusterNetwork(json);
    const name = nameIn(json);
    // As Docker: these have words of their own, whatever the engine has.
    if (name !== undefined && isCluster) refusePredefined(name);
    if (name !== undefined) await networks.refuseNamesake(context, name, { isCluster });
    if (!isCluster) {
      const older = olderNetworkWish(json, await versionGap(ports.engine, pathOf(context, "")));
      const sent = older === json ? body : bytesOf(older);
      const answer = await toEngine(context, { method: "POST", contentType, body: sent });
      return ports.node.status().state === "active" ? notOfItsSwarm(answer, json) : answer;
    }
    return askCluster(new Request(raw.url, { method: "POST", headers: raw.headers, body, signal: raw.signal }));
  });

  app.delete("/networks/:id", async (context) => {
    const found = await networks.find(context, context.req.param("id"), { strictly: true });
    if (found === undefined) return toEngine(context, { method: "DELETE" });
    const guest = await networks.guestHere(context, found);
    if (guest !== undefined) {
      const why = `network ${found.Name} is in use by container ${guest}`;
      throw new ClusterError("in_use", `${why}; disconnect or remove it`);
    }
    const { signal } = context.req.raw;
    return askCluster(new Request(`http://murmur/networks/${found.Id}`, { method: "DELETE", signal }));
  });

  app.post("/networks/prune", async (context) => {
    const given = context.req.query("filters");
    const engine = await toEngine(context, { method: "POST" }, pathOf(context, query(withoutOwnNetworks(given))));
    if (engine.status !== 200 || ports.node.status().state !== "active") return engine;
    // The engine's own answer to a request that it understood.
    const local = (await engine.json()) as NetworksPruned;
    const url = `http://murmur/networks/prune${query(given)}`;
    const cluster = await askCluster(new Request(url, { method: "POST", signal: context.req.raw.signal }));
    if (!cluster.ok) return cluster;
    const own = (await cluster.json()) as NetworksPruned;
    const deleted = [...(own.NetworksDeleted ?? []), ...(local.NetworksDeleted ?? [])];
    const answer: NetworksPruned = { NetworksDeleted: deleted.length === 0 ? null : deleted };
    return context.json(answer);
  });
}

const NO_SWARM = "This node is not a swarm manager";

/** A plugin's driver may say that its networks are over all nodes: then the engine looks for a swarm of its own. */
async function notOfItsSwarm(answer: Response, wish: unknown): Promise<Response> {
  if (answer.status < 400) return answer;
  const text = await answer.text();
  if (!text.includes(NO_SWARM)) return new Response(text, { status: answer.status, headers: answer.headers });
  const driver = fieldsIn(wish)["Driver"];
  const why = `network driver ${typeof driver === "string" ? driver : ""} is one of all nodes`;
  const hint = `use overlay, or ${LOCAL_DRIVERS.join(", ")} with --scope swarm`;
  throw new ClusterError("invalid_argument", `${why}, which is not supported in swarm mode: ${hint}`);
}

/** The name in a body that is one; whose other fields are right is found by who makes the network. */
function nameIn(json: unknown): string | undefined {
  if (typeof json !== "object" || json === null || !("Name" in json)) return undefined;
  return typeof json.Name === "string" && json.Name !== "" ? json.Name : undefined;
}

/** As Docker: what nobody is in has neither. */
const whatThereIs = ({ Peers, Services }: NetworkUse): Partial<NetworkUse> => ({
  ...(Peers.length > 0 && { Peers }),
  ...(Object.keys(Services).length > 0 && { Services }),
});

const query = (filters: string | undefined): string =>
  filters === undefined ? "" : `?filters=${encodeURIComponent(filters)}`;
