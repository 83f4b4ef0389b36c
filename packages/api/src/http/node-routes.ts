import { ClusterError } from "@murmur/base";
import type { ClusterNode } from "@murmur/model";
import { nameOfNode, type View } from "@murmur/store";
import type { Hono } from "hono";
import { Filters } from "../docker/filters.ts";
import { fromNode, toNodeSpec } from "../docker/node.ts";
import type * as docker from "../docker/node-types.ts";
import { readJson } from "./body.ts";
import type { ClusterAccess } from "./context.ts";
import { findNode } from "./lookup.ts";
import { looseFlag, versionQuery } from "./query.ts";

const FILTERS = ["id", "name", "label", "node.label", "role", "membership"];

export function addNodeRoutes(app: Hono, access: ClusterAccess): void {
  const shown = (view: View, node: ClusterNode): docker.Node =>
    fromNode(node, { leader: access.leader(), cluster: view.cluster() });

  app.get("/nodes", async (context) => {
    const filters = Filters.parse(context.req.query("filters"), FILTERS);
    const roles = filters.words("role", ["worker", "manager"]);
    const memberships = filters.words("membership", ["accepted", "pending"]);
    const view = await access.read(context);
    const fits = (node: docker.Node): boolean =>
      filters.beginsWith("id", node.ID) &&
      filters.beginsWith("name", node.Description.Hostname ?? "") &&
      filters.hasLabels("node.label", node.Spec.Labels ?? {}) &&
      filters.hasLabels("label", node.Description.Engine?.Labels ?? {}) &&
      (roles.length === 0 || roles.includes(node.Spec.Role)) &&
      // Who is listed was let in by a token: nobody is pending here.
      (memberships.length === 0 || memberships.includes("accepted"));
    const nodes = view.nodes().map((node) => shown(view, node));
    return context.json(nodes.filter(fits));
  });

  app.get("/nodes/:id", async (context) => {
    const view = await access.read(context);
    return context.json(shown(view, findNode(view, context.req.param("id"))));
  });

  app.post("/nodes/:id/update", async (context) => {
    const version = versionQuery(context.req.query("version"), "node");
    const body = await readJson(context.req.raw);
    const { object: node, view } = await access.readForUpdate(context, version, (view) =>
      findNode(view, context.req.param("id")),
    );
    const spec = toNodeSpec(body, node);
    if (spec.pinnedRole === "worker") checkDemotion(view, node);
    await access.submit(context, { kind: "updateNode", id: node.id, version, spec });
    return context.body(null, 200);
  });

  app.delete("/nodes/:id", async (context) => {
    const force = looseFlag(context.req.query("force"));
    const node = findNode(await access.read(context), context.req.param("id"));
    await access.submit(context, { kind: "removeNode", id: node.id, force });
    return context.body(null, 200);
  });
}

/**
 * A manager stays one until another node can do its work. Where no other may, or all that may are down, a demotion would
 * never come about. Errors: `failed_precondition`, in Docker's words, with what to do or who is to come back.
 */
function checkDemotion(view: View, node: ClusterNode): void {
  if (node.spec.pinnedRole === "worker") return;
  const others = view.nodes().filter(({ id, spec }) => id !== node.id && spec.pinnedRole !== "worker");
  if (others.length === 0) {
    throw new ClusterError(
      "failed_precondition",
      "attempting to demote the last manager of the swarm; promote another node first",
    );
  }
  if (node.raftRole !== "voter" || others.some(({ status }) => status.state === "ready")) return;
  const names = others.map((other) => nameOfNode(other));
  const shown = names.length > 3 ? `${String(names.length)} nodes` : names.join(", ");
  throw new ClusterError(
    "failed_precondition",
    `attempting to demote the last manager of the swarm that is up; wait until ${shown} is back, or promote another node first`,
  );
}
