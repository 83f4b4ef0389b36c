import { ClusterError, codeOf } from "@murmur/base";
import {
  DEFAULT_NETWORK_NAME,
  networkId,
  type Guest,
  type Network,
  type NetworkId,
  type NetworkSpec,
} from "@murmur/model";
import { isWanted, type View } from "@murmur/store";
import type { Hono } from "hono";
import { fieldsOfAddresses, fromNetwork, toNetworkSpec } from "../docker/network.ts";
import { mayPrune } from "../docker/network-filter.ts";
import { networkPeers, networkServices } from "../docker/network-services.ts";
import type { NetworkCreated, NetworksPruned, NetworkUse } from "../docker/network-types.ts";
import { readJson } from "./body.ts";
import type { ClusterAccess } from "./context.ts";
import { allNetworks, findNetwork } from "./lookup.ts";
import { refuseWithGuests } from "./refuse-with-guests.ts";
import { clusterOf } from "./swarm-routes.ts";

/** The networks of the cluster; those of the engine are no manager's business. */
export function addClusterNetworkRoutes(app: Hono, access: ClusterAccess): void {
  app.get("/murmur/networks", async (context) => {
    const view = await access.read(context);
    const dangling = context.req.query("dangling");
    const unused = new Set(dangling === undefined ? [] : unusedNetworks(view, access.ports.node.guests()));
    const wanted = allNetworks(view).filter(
      (one) => dangling === undefined || unused.has(one) === (dangling === "true"),
    );
    return context.json(wanted.map(fromNetwork));
  });

  app.get("/murmur/networks/:id/use", async (context) => {
    const view = await access.read(context);
    const { id } = findNetwork(view, context.req.param("id"));
    const answer: NetworkUse = { Peers: networkPeers(id, view), Services: networkServices(id, view) };
    return context.json(answer);
  });

  app.post("/networks/create", async (context) => {
    const spec = toNetworkSpec(await readJson(context.req.raw));
    refuseWithoutAddresses(spec, await access.read(context, "local"));
    const id = networkId(access.ports.newId());
    await access.submit(context, { kind: "createNetwork", id, spec });
    const answer: NetworkCreated = { Id: id, Warning: "" };
    return context.json(answer, 201);
  });

  app.delete("/networks/:id", async (context) => {
    const { id, spec } = findNetwork(await access.read(context), context.req.param("id"));
    await refuseWithGuests({ id, name: spec.name }, access.ports, context.req.raw.signal);
    await access.submit(context, { kind: "removeNetwork", id });
    return context.body(null, 204);
  });

  app.post("/networks/prune", async (context) => {
    const fits = mayPrune(context.req.query("filters"), access.ports.clock.now());
    const unused = unusedNetworks(await access.read(context), access.ports.node.guests()).filter(fits);
    const removed: string[] = [];
    for (const { id, spec } of unused) {
      try {
        await access.submit(context, { kind: "removeNetwork", id });
        removed.push(spec.name);
      } catch (error) {
        // Somebody was faster: it is in use by now, or gone.
        if (!PASSED_OVER.has(codeOf(error))) throw error;
      }
    }
    const answer: NetworksPruned = { NetworksDeleted: removed };
    return context.json(answer);
  });
}

const PASSED_OVER: ReadonlySet<string> = new Set(["in_use", "failed_precondition", "not_found"]);

/** Those that nobody wants to be in; what a service would go back to counts as wanted, too. */
function unusedNetworks(view: View, guests: readonly Guest[]): Network[] {
  const used = new Set<NetworkId>(guests.map(({ networkId: inside }) => inside));
  for (const { spec, previousSpec, removing } of view.services()) {
    if (removing === true) continue;
    for (const { target } of spec.task.networks) used.add(target);
    for (const { target } of previousSpec?.task.networks ?? []) used.add(target);
  }
  for (const task of view.tasks()) {
    if (!isWanted(view, task)) continue;
    for (const { networkId: id } of task.networks) used.add(id);
    for (const { target } of task.spec.networks) used.add(target);
  }
  return view
    .networks()
    .filter(({ id, spec, removing }) => removing !== true && !used.has(id) && spec.name !== DEFAULT_NETWORK_NAME)
    .filter(({ spec }) => spec.ingress !== true);
}

/** What only networks with addresses have is refused where there are none, in place of being forgotten. */
function refuseWithoutAddresses(spec: NetworkSpec, view: View): void {
  if (clusterOf(view).dataPlane === "overlay") return;
  const fields = fieldsOfAddresses(spec);
  if (fields.length === 0) return;
  throw new ClusterError(
    "invalid_argument",
    `${fields.join(", ")}: this cluster's data plane is ports: networks have no addresses of their own; ` +
      "leave it out, or start a cluster with the data plane overlay",
  );
}
