import { ClusterError, type Millis } from "@murmur/base";
import { isLeaving, wantsToRun, type Service, type Task } from "@murmur/model";
import { slotOf, type View } from "@murmur/store";
import type { Hono } from "hono";
import { z } from "zod";
import { parseWith } from "../docker/lenient-object.ts";
import { fromTask } from "../docker/task.ts";
import type { Rebalance } from "../murmur-types.ts";
import { readJson } from "./body.ts";
import type { ClusterAccess } from "./context.ts";
import { findService } from "./lookup.ts";
import { isLost } from "./lost-task.ts";
import { strictFlag } from "./query.ts";

/** Moves of one request; the next looks at what these have led to. */
const MOVES_MAX = 32;
/** A move that has not come about by then is given up: the task stays. */
const MOVE_MS: Millis = 10 * 60_000;

/** No services: all that are replicated. */
const request = z.strictObject({ services: z.array(z.string().min(1).max(1_024)).min(1).max(1_000).optional() });

/** Moves tasks to where they would be placed if they were new. */
export function addRebalanceRoute(app: Hono, access: ClusterAccess): void {
  app.post("/murmur/rebalance", async (context) => {
    const isDryRun = strictFlag(context.req.query("dryRun"), "dryRun");
    const { services } = parseWith(request, await readJson(context.req.raw));
    const view = await access.read(context, "linearizable");
    const chosen = services === undefined ? view.services().filter(mayMove) : services.map((name) => named(view, name));
    const now = access.ports.clock.now();
    const tasks = [...new Set(chosen)].map((service) => movable(view, service, now));
    const moves = access.cluster().moves(view, tasks, { now, movesMax: MOVES_MAX + 1 });
    const taken = moves.slice(0, MOVES_MAX);
    const hostname = (id: (typeof moves)[number]["to"]): string => view.node(id)?.description?.hostname ?? id;
    const answer: Rebalance = {
      moves: taken.map(({ task, from, to }) => ({
        task: fromTask(task, (id) => view.network(id)),
        from: hostname(from),
        to: hostname(to),
      })),
      more: moves.length > taken.length,
    };
    if (!isDryRun && taken.length > 0)
      await access.submit(context, { kind: "moveTasks", tasks: taken.map(({ task }) => task.id), forMs: MOVE_MS });
    return context.json(answer);
  });
}

const mayMove = (service: Service): boolean => service.removing !== true && whyNot(service) === undefined;

function named(view: View, name: string): Service {
  const service = findService(view, name);
  const why = whyNot(service);
  if (why === undefined) return service;
  throw new ClusterError("failed_precondition", `service ${service.spec.name} ${why}`);
}

/** Why none of a service's tasks is to be moved, for people; undefined: they may be. */
function whyNot({ spec, updateStatus }: Service): string | undefined {
  const { kind } = spec.mode;
  if (kind === "global") return "is global: it has a task on every node, and none is to be moved";
  if (kind !== "replicated") return "is a job: its tasks are left to end, and none is to be moved";
  if (updateStatus?.state === "updating" || updateStatus?.state === "rollback_started")
    return "is being updated, which replaces its tasks: rebalance it when that is done";
  if (spec.task.container.mounts?.some((mount) => mount.kind === "volume" && (mount.source ?? "") !== "") === true)
    return "mounts named volumes: its tasks stay where their data is";
  return undefined;
}

/** The tasks that work and are not being replaced already. */
function movable(view: View, service: Service, now: Millis): readonly Task[] {
  const { specVersion } = service;
  return view.tasksOfService(service.id).filter((task) => {
    const { status, desiredState, nodeId } = task;
    if (desiredState !== "running" || status.state !== "running" || task.specVersion !== specVersion) return false;
    if (status.health === "starting" || status.health === "unhealthy" || isLost(view, task)) return false;
    const slot = slotOf(task);
    const wanted = slot === undefined ? [] : view.tasksOfSlot(service.id, slot).filter(isWanted);
    return wanted.length === 1 && !isLeaving(task, nodeId === undefined ? undefined : view.node(nodeId), now);
  });
}

const isWanted = ({ desiredState }: Task): boolean => wantsToRun(desiredState);
