import { engineNetworkName, networkId } from "@murmur/model";
import type { Context, Hono } from "hono";
import { TASK_LABEL } from "../docker/task-label.ts";
import type { ClusterNetworks } from "./cluster-networks.ts";
import type { ShownContainers } from "./container-view-routes.ts";
import { pathOf, type ToEngine } from "./to-engine.ts";

const IS_TASK = "is-task";
const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

/** Whether a list of containers may ask for tasks or others: the engine does not know which are Murmur's tasks. */
export const mayAskForTasks = (query: string): boolean => query.includes(IS_TASK);

/**
 * Lists of containers: the tasks, for the filter `is-task`, are told by their label, and networks of the cluster may be
 * named. Whatever else a list may ask for, and what it may be refused for, is the engine's to say.
 */
export function addContainerListRoutes(
  app: Hono,
  { networks, toEngine, shown }: { networks: ClusterNetworks; toEngine: ToEngine; shown: ShownContainers },
): void {
  app.get("/containers/json", async (context) => {
    const given = objectIn(context.req.query("filters"));
    const named = given && (await withSides(context, given, networks));
    return shown(context, await listed(context, { given, named }, toEngine));
  });
}

type Filters = Readonly<Record<string, unknown>>;

/** `named`: the filters that were given, with the engine's names of networks, if they are others. */
async function listed(
  context: Context,
  { given, named }: { readonly given: Filters | undefined; readonly named: Filters | undefined },
  toEngine: ToEngine,
): Promise<Response> {
  const asked = readFilters(named ?? given);
  if (asked === undefined)
    return toEngine(context, { method: "GET" }, named === undefined ? undefined : listPath(context, named, {}));
  if (asked.isTask) return toEngine(context, { method: "GET" }, listPath(context, asked.others, {}));
  // The engine would count the tasks, too. With a limit it also lists what does not run.
  const limit = Number(context.req.query("limit") ?? 0);
  const isLimited = Number.isSafeInteger(limit) && limit > 0;
  const path = listPath(context, asked.others, isLimited ? { limit: undefined, all: "1" } : {});
  const answer = await toEngine(context, { method: "GET" }, path);
  if (answer.status !== 200) return answer;
  const others = ((await answer.json()) as readonly Listed[]).filter(({ Labels }) => !hasTaskLabel(Labels));
  return Response.json(isLimited ? others.slice(0, limit) : others);
}

/** Undefined where no network of the cluster is named. */
async function withSides(context: Context, filters: Filters, networks: ClusterNetworks): Promise<Filters | undefined> {
  const given = filters["network"] === undefined ? [] : (valuesOf(filters["network"]) ?? []);
  const named = await Promise.all(
    given.map(async (name) => {
      const found = await networks.find(context, name, { strictly: false });
      return found === undefined ? name : engineNetworkName({ id: networkId(found.Id), name: found.Name });
    }),
  );
  return named.some((name, at) => name !== given[at]) ? { ...filters, network: named } : undefined;
}

interface Listed {
  readonly Labels?: Readonly<Record<string, string>> | null;
}

const hasTaskLabel = (labels: Listed["Labels"]): boolean => Object.hasOwn(labels ?? {}, TASK_LABEL);

/** Undefined when the filters don't say `is-task`, or say it as the engine refuses it. */
function readFilters(filters: Filters | undefined): { readonly isTask: boolean; readonly others: Filters } | undefined {
  const [value, ...more] = valuesOf(filters?.[IS_TASK]) ?? [];
  const isTask = value === undefined || more.length > 0 ? undefined : TRUTH.get(value);
  if (filters === undefined || isTask === undefined) return undefined;
  const { [IS_TASK]: _isTask, ...others } = filters;
  if (!isTask) return { isTask, others };
  const labels = others["label"] === undefined ? [] : valuesOf(others["label"]);
  return labels && { isTask, others: { ...others, label: [...labels, TASK_LABEL] } };
}

function objectIn(text: string | undefined): Filters | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** `["web"]`, or the older `{"web": true}`. */
function valuesOf(given: unknown): readonly string[] | undefined {
  if (typeof given !== "object" || given === null) return undefined;
  const values: readonly unknown[] = Array.isArray(given) ? given : Object.keys(given);
  return values.every((value) => typeof value === "string") ? values : undefined;
}

function listPath(context: Context, filters: Filters, changes: Readonly<Record<string, string | undefined>>): string {
  const { searchParams } = new URL(context.req.url);
  for (const [name, value] of Object.entries({ ...changes, filters: JSON.stringify(filters) })) {
    if (value === undefined) searchParams.delete(name);
    else searchParams.set(name, value);
  }
  return pathOf(context, `?${searchParams.toString()}`);
}
