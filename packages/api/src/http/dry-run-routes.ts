import { ClusterError } from "@murmur/base";
import { holdsSlot, isAssigned, serviceId, type Task } from "@murmur/model";
import { hostnameOf, type View } from "@murmur/store";
import type { Context, Hono } from "hono";
import { differences } from "../docker/difference.ts";
import { wholeServiceSpec } from "../docker/service-spec.ts";
import type { DryRunNode, ServiceDryRun } from "../murmur-types.ts";
import type { Forecast, ServiceChange } from "../ports.ts";
import { readJson } from "./body.ts";
import type { ClusterAccess } from "./context.ts";
import { currentTasks, explainAll, isAsItShouldBe, SHOWN_MAX } from "./explain-routes.ts";
import { findService } from "./lookup.ts";
import { versionQuery } from "./query.ts";
import { newSpecOf, specOf } from "./service-body.ts";

/**
 * `POST /murmur/services/dry-run`: what a request to create a service would come to, or, with `?service=` and `?version=`
 * (and `?rollback=previous`), one to update it. Its body is theirs, and it is refused as they would be; nothing is changed.
 */
export function addDryRunRoute(app: Hono, access: ClusterAccess): void {
  app.post("/murmur/services/dry-run", async (context) => {
    const body = await readJson(context.req.raw);
    const change = changeOf(access, context, { body, view: await access.read(context) });
    const timed: ServiceChange = { ...change, now: access.ports.clock.now() };
    return context.json(answerOf(access, await access.cluster().forecast(timed, context.req.raw.signal)));
  });
}

type WithoutTime<T> = T extends unknown ? Omit<T, "now"> : never;

function changeOf(
  access: ClusterAccess,
  context: Context,
  { body, view }: { readonly body: unknown; readonly view: View },
): WithoutTime<ServiceChange> {
  const named = context.req.query("service");
  const rollback = context.req.query("rollback") ?? "";
  if (named === undefined) {
    const id = serviceId(access.ports.newId());
    return { kind: "createService", id, spec: newSpecOf(body, view, id) };
  }
  const service = findService(view, named);
  const version = versionQuery(context.req.query("version"), "service");
  if (rollback === "previous") return { kind: "rollbackService", id: service.id, version };
  if (rollback !== "") throw new ClusterError("invalid_argument", `unrecognized rollback option ${rollback}`);
  return { kind: "updateService", id: service.id, version, spec: specOf(body, view, service) };
}

function answerOf(access: ClusterAccess, forecast: Forecast): ServiceDryRun {
  const { view, before, after, settled } = forecast;
  const service = view.service(after.id) ?? after;
  const amiss = currentTasks(view, service).filter((task) => !isAsItShouldBe(view, task));
  const placed = view.tasksOfService(service.id).filter(isPlaced);
  const placedBefore = forecast.tasksBefore.filter(isPlaced);
  const known = new Set(placedBefore.map(({ id }) => id));
  const kept = placed.filter(({ id }) => known.has(id)).length;
  return {
    ...(before !== undefined && { service: { id: before.id, version: before.version } }),
    name: after.spec.name,
    changes: differences(before && wholeServiceSpec(before.spec), wholeServiceSpec(after.spec)),
    tasks: {
      placed: placed.length,
      kept,
      new: placed.length - kept,
      stopped: placedBefore.length - kept,
      waiting: view.tasksOfService(service.id).filter((task) => holdsSlot(task) && !isPlaced(task)).length,
    },
    nodes: nodesOf(view, placedBefore, placed),
    amiss: explainAll(access, view, amiss.slice(0, SHOWN_MAX)),
    more: Math.max(0, amiss.length - SHOWN_MAX),
    settled,
  };
}

/** Whether it is wanted and has a node, whatever it does there. */
const isPlaced = (task: Task): boolean => holdsSlot(task) && isAssigned(task.status.state);

/** The nodes that have tasks before or after, by name. */
function nodesOf(view: View, before: readonly Task[], after: readonly Task[]): DryRunNode[] {
  const nodes = new Map<string, DryRunNode>();
  const count = (tasks: readonly Task[], side: "before" | "after"): void => {
    for (const { nodeId } of tasks) {
      if (nodeId === undefined) continue;
      const record = view.node(nodeId);
      const hostname = (record && hostnameOf(record)) ?? nodeId;
      const node = nodes.get(nodeId) ?? { id: nodeId, hostname, before: 0, after: 0 };
      node[side] += 1;
      nodes.set(nodeId, node);
    }
  };
  count(before, "before");
  count(after, "after");
  return [...nodes.values()].toSorted((a, b) => (a.hostname + a.id < b.hostname + b.id ? -1 : 1));
}
