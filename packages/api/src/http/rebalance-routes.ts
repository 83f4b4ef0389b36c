import { ClusterError, type Millis } from "@murmur/base";
import type { Service } from "@murmur/model";
import { movableTasks, whyImmovable, type View } from "@murmur/store";
import type { Hono } from "hono";
import { z } from "zod";
import { parseWith } from "../docker/lenient-object.ts";
import { fromTask } from "../docker/task.ts";
import type { Rebalance } from "../murmur-types.ts";
import { readJson } from "./body.ts";
import type { ClusterAccess } from "./context.ts";
import { findService } from "./lookup.ts";
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
    const tasks = [...new Set(chosen)].map((service) => movableTasks(view, service, now));
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

const mayMove = (service: Service): boolean => service.removing !== true && whyImmovable(service) === undefined;

function named(view: View, name: string): Service {
  const service = findService(view, name);
  const why = whyImmovable(service);
  if (why === undefined) return service;
  throw new ClusterError("failed_precondition", `service ${service.spec.name} ${why}`);
}
