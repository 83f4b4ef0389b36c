import { serviceId, taskName, type Task } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Hono } from "hono";
import { Filters } from "../docker/filters.ts";
import { fromTask } from "../docker/task.ts";
import { DOCKER_TASK_STATES } from "../docker/task-types.ts";
import type { ClusterAccess } from "./context.ts";
import { listResponse } from "./list-response.ts";
import { findNode, findService, findTask, networksNow } from "./lookup.ts";
import { RecordTexts } from "./record-texts.ts";

const FILTERS = ["id", "name", "label", "service", "node", "desired-state", "_up-to-date", "runtime"];

export function addTaskRoutes(app: Hono, access: ClusterAccess): void {
  const texts = new RecordTexts(fromTask);
  app.get("/tasks", async (context) => {
    const given = Filters.parse(context.req.query("filters"), FILTERS);
    const states = given.words("desired-state", DOCKER_TASK_STATES);
    const view = await access.read(context);
    const filters = withIds(given, view);
    const upToDateOnly = given.get("_up-to-date").length > 0;
    const isNamed = given.get("name").length > 0;
    const shown = candidates(filters, view).filter(
      (task) =>
        filters.is("service", task.serviceId) &&
        filters.is("node", task.nodeId ?? "") &&
        filters.beginsWith("id", task.id) &&
        (!isNamed || filters.beginsWith("name", taskName(task))) &&
        filters.hasLabels("label", task.serviceLabels) &&
        filters.is("runtime", "container") &&
        (states.length === 0 || states.includes(task.desiredState)) &&
        (!upToDateOnly || view.service(task.serviceId)?.specVersion === task.specVersion),
    );
    const networkOf = networksNow(view);
    return listResponse(
      context,
      Iterator.from(shown).map((task) => texts.textOf(task, networkOf)),
    );
  });

  app.get("/tasks/:id", async (context) => {
    const view = await access.read(context);
    const task = findTask(view, context.req.param("id"));
    return context.json(fromTask(task, (id) => view.network(id)));
  });
}

/** Names of services and nodes become ids. A service that is being removed is gone, as in Docker, whatever its tasks do. */
function withIds(filters: Filters, view: View): Filters {
  const services = filters.get("service").map((text) => findService(view, text).id);
  const nodes = filters.get("node").map((text) => findNode(view, text).id);
  return filters.with("service", services).with("node", nodes);
}

/** The tasks of the wanted services where services were named: most questions are about one. */
function candidates(filters: Filters, view: View): Task[] {
  const services = filters.get("service");
  if (services.length === 0) return [...view.tasks()];
  return services.flatMap((id) => view.tasksOfService(serviceId(id)));
}
