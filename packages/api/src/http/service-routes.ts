import { ClusterError } from "@murmur/base";
import { serviceId, type Service, type ServiceSpec } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Context, Hono } from "hono";
import type { NetworkOf } from "../docker/attachment.ts";
import { Filters } from "../docker/filters.ts";
import { countTasks, fromService } from "../docker/service.ts";
import { toServiceSpec } from "../docker/service-spec.ts";
import type { ServiceCreated, ServiceUpdated } from "../docker/service-types.ts";
import { readJson } from "./body.ts";
import type { ClusterAccess } from "./context.ts";
import { findNetwork, findService } from "./lookup.ts";
import { strictFlag, versionQuery } from "./query.ts";
import { inventName } from "./service-name.ts";

const FILTERS = ["id", "name", "label", "mode", "runtime"];

export function addServiceRoutes(app: Hono, access: ClusterAccess): void {
  app.get("/services", async (context) => {
    const filters = Filters.parse(context.req.query("filters"), FILTERS);
    const withStatus = strictFlag(context.req.query("status"), "status");
    const view = await access.read(context);
    const networkOf: NetworkOf = (id) => view.network(id);
    const services = view
      .services()
      .filter(
        (service) =>
          service.removing !== true &&
          filters.beginsWith("id", service.id) &&
          filters.beginsWith("name", service.spec.name) &&
          filters.hasLabels("label", service.spec.labels) &&
          filters.is("mode", service.spec.mode.kind) &&
          filters.is("runtime", "container"),
      );
    return context.json(
      services.map((service) => {
        const status = withStatus ? countTasks(service, view.tasksOfService(service.id)) : undefined;
        return fromService(service, { status, networkOf });
      }),
    );
  });

  app.get("/services/:id", async (context) => {
    const insertDefaults = strictFlag(context.req.query("insertDefaults"), "insertDefaults");
    const view = await access.read(context);
    const service = findService(view, context.req.param("id"));
    return context.json(fromService(service, { insertDefaults, networkOf: (network) => view.network(network) }));
  });

  app.post("/services/create", async (context) => {
    refuseRegistryAuth(context);
    const body = await readJson(context.req.raw);
    const view = await access.read(context);
    const id = serviceId(access.ports.newId());
    const spec = toServiceSpec(body, {
      findNetwork: (text) => findNetwork(view, text).id,
      newName: () => inventName(id, (name) => view.serviceByName(name) !== undefined),
    });
    await access.submit(context, { kind: "createService", id, spec });
    const answer: ServiceCreated = { ID: id, Warnings: null };
    return context.json(answer, 201);
  });

  app.post("/services/:id/update", async (context) => {
    refuseRegistryAuth(context);
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
    const committed = await access.submit(
      context,
      rollback === "previous"
        ? { kind: "rollbackService", id, version }
        : { kind: "updateService", id, version, spec: specOf(body, view, service) },
    );
    const answer: ServiceUpdated = { Warnings: null, Murmur: { Version: committed.version } };
    return context.json(answer);
  });

  app.delete("/services/:id", async (context) => {
    const service = findService(await access.read(context), context.req.param("id"));
    await access.submit(context, { kind: "removeService", id: service.id });
    return context.body(null, 200);
  });

  app.get("/services/:id/logs", () => noLogs());
}

const specOf = (body: unknown, view: View, { spec }: Service): ServiceSpec =>
  toServiceSpec(body, { findNetwork: (text) => findNetwork(view, text).id, newName: () => spec.name, previous: spec });

export function noLogs(): never {
  throw new ClusterError("unsupported", "Murmur doesn't collect logs yet: use docker logs on the task's node");
}

/** Credentials that can't be handed to the nodes must not look as if they had been. */
function refuseRegistryAuth(context: Context): void {
  const header = context.req.header("x-registry-auth") ?? "";
  if (header === "") return;
  const fields: unknown = decodeJson(header);
  const says = typeof fields === "object" && fields !== null && Object.values(fields).some((value) => value !== "");
  if (!says) return;
  throw new ClusterError(
    "invalid_argument",
    "X-Registry-Auth: Murmur doesn't pass credentials on yet; log in to the registry on each node and leave it out",
  );
}

function decodeJson(base64: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64, "base64url").toString("utf8"));
  } catch {
    return { unreadable: true };
  }
}
