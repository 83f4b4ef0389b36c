import { ClusterError } from "@murmur/base";
import { isSpreadLabel, serviceId, type Service, type ServiceSpec } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Context, Hono } from "hono";
import { Filters } from "../docker/filters.ts";
import { countTasks, fromService } from "../docker/service.ts";
import type { ServiceCreated, ServiceStatus, ServiceUpdated } from "../docker/service-types.ts";
import { readJson } from "./body.ts";
import type { ClusterAccess } from "./context.ts";
import { listResponse } from "./list-response.ts";
import { findService, networksNow } from "./lookup.ts";
import { isLost } from "./lost-task.ts";
import { strictFlag, versionQuery } from "./query.ts";
import { RecordTexts } from "./record-texts.ts";
import { newSpecOf, specOf } from "./service-body.ts";
import { registryAuthFrom, sealedLogin } from "./registry-auth.ts";

const FILTERS = ["id", "name", "label", "mode", "runtime"];

export function addServiceRoutes(app: Hono, access: ClusterAccess): void {
  const texts = new RecordTexts<Service>((service, networkOf) => fromService(service, { networkOf }));
  app.get("/services", async (context) => {
    const filters = Filters.parse(context.req.query("filters"), FILTERS);
    const withStatus = strictFlag(context.req.query("status"), "status");
    const names = filters.get("name");
    // Of all lists this one minds the case of letters, as Docker's does.
    const isNamed = (name: string): boolean => names.length === 0 || names.some((begin) => name.startsWith(begin));
    const view = await access.read(context);
    const networkOf = networksNow(view);
    const services = view
      .services()
      .filter(
        (service) =>
          service.removing !== true &&
          filters.beginsWith("id", service.id) &&
          isNamed(service.spec.name) &&
          filters.hasLabels("label", service.spec.labels) &&
          filters.is("mode", service.spec.mode.kind) &&
          filters.is("runtime", "container"),
      );
    const statusOf = (service: Service): ServiceStatus =>
      countTasks(service, view.tasksOfService(service.id), (task) => isLost(view, task));
    const shown = services.map((service) => ({ service, ...(withStatus && { status: statusOf(service) }) }));
    return listResponse(
      context,
      Iterator.from(shown).map(({ service, status }) => withStatusText(texts.textOf(service, networkOf), status)),
    );
  });

  app.get("/services/:id", async (context) => {
    const insertDefaults = strictFlag(context.req.query("insertDefaults"), "insertDefaults");
    const view = await access.read(context);
    const service = findService(view, context.req.param("id"));
    return context.json(fromService(service, { insertDefaults, networkOf: (network) => view.network(network) }));
  });

  app.post("/services/create", async (context) => {
    const body = await readJson(context.req.raw);
    const view = await access.read(context);
    const id = serviceId(access.ports.newId());
    const spec = newSpecOf(body, view, id);
    const login = (await sealedLogin(access, context, id)) || undefined;
    await access.submit(context, { kind: "createService", id, spec, ...(login && { registryAuth: login }) });
    const answer: ServiceCreated = { ID: id, Warnings: warningsOf(spec) };
    return context.json(answer, 201);
  });

  app.post("/services/:id/update", async (context) => {
    const version = versionQuery(context.req.query("version"), "service");
    const rollback = context.req.query("rollback") ?? "";
    const body = await readJson(context.req.raw);
    const { view, object: service } = await access.readForUpdate(context, version, (seen) =>
      findService(seen, context.req.param("id")),
    );
    if (rollback !== "" && rollback !== "previous") {
      throw new ClusterError("invalid_argument", `unrecognized rollback option ${rollback}`);
    }
    const { id } = service;
    const spec = rollback === "previous" ? undefined : await specFor(access, context, { body, view, service });
    const from = registryAuthFrom(context.req.query("registryAuthFrom"));
    const login = rollback === "" ? await sealedLogin(access, context, id) : undefined;
    const committed = await access.submit(
      context,
      spec === undefined
        ? { kind: "rollbackService", id, version }
        : {
            kind: "updateService",
            id,
            version,
            spec,
            ...(login !== undefined && { registryAuth: login }),
            ...(from && { registryAuthFrom: from }),
          },
    );
    const answer: ServiceUpdated = {
      Warnings: spec === undefined ? null : warningsOf(spec),
      Murmur: { Version: committed.version },
    };
    return context.json(answer);
  });

  app.delete("/services/:id", async (context) => {
    const service = findService(await access.read(context), context.req.param("id"));
    await access.submit(context, { kind: "removeService", id: service.id });
    return context.body(null, 200);
  });
}

/** What is taken as Docker takes it, and comes to nothing. */
function warningsOf({ task }: ServiceSpec): string[] | null {
  const idle = task.placement.preferences.filter(({ spread }) => !isSpreadLabel(spread));
  if (idle.length === 0) return null;
  return idle.map(
    ({ spread }) => `nothing is spread over ${spread}: give node.labels.NAME or engine.labels.NAME in a preference`,
  );
}

/** What changes with the tasks, in the text of what doesn't. */
const withStatusText = (text: string, status: ServiceStatus | undefined): string =>
  status === undefined ? text : `${text.slice(0, -1)},"ServiceStatus":${JSON.stringify(status)}}`;

/** What this replica doesn't know that the body refers to may have been made a moment ago, on another manager. */
async function specFor(
  access: ClusterAccess,
  context: Context,
  { body, view, service }: { readonly body: unknown; readonly view: View; readonly service: Service },
): Promise<ServiceSpec> {
  try {
    return specOf(body, view, service);
  } catch {
    return specOf(body, await access.read(context, "linearizable"), service);
  }
}
