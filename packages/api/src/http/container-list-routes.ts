import type { Context, Hono } from "hono";
import { pathOf, type ToEngine } from "./to-engine.ts";

/** On every container of a task, of this cluster or of the engine's own swarm. */
const TASK_LABEL = "com.docker.swarm.task.id";
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
 * Lists of containers with the filter `is-task`: the tasks are told by their label. Whatever else a list may ask for, and
 * what it may be refused for, is the engine's to say.
 */
export function addContainerListRoutes(app: Hono, toEngine: ToEngine): void {
  app.get("/containers/json", async (context) => {
    const asked = readFilters(context.req.query("filters"));
    if (asked === undefined) return toEngine(context, { method: "GET" });
    if (asked.isTask) return toEngine(context, { method: "GET" }, listPath(context, asked.others, {}));
    // The engine would count the tasks, too. With a limit it also lists what does not run.
    const limit = Number(context.req.query("limit") ?? 0);
    const isLimited = Number.isSafeInteger(limit) && limit > 0;
    const path = listPath(context, asked.others, isLimited ? { limit: undefined, all: "1" } : {});
    const answer = await toEngine(context, { method: "GET" }, path);
    if (answer.status !== 200) return answer;
    const others = ((await answer.json()) as readonly Listed[]).filter(({ Labels }) => !hasTaskLabel(Labels));
    return Response.json(isLimited ? others.slice(0, limit) : others);
  });
}

interface Listed {
  readonly Labels?: Readonly<Record<string, string>> | null;
}

const hasTaskLabel = (labels: Listed["Labels"]): boolean => Object.hasOwn(labels ?? {}, TASK_LABEL);

/** Undefined when the filters don't say `is-task`, or say it as the engine refuses it. */
function readFilters(
  text: string | undefined,
): { readonly isTask: boolean; readonly others: Readonly<Record<string, unknown>> } | undefined {
  const filters = objectIn(text);
  const [value, ...more] = valuesOf(filters?.[IS_TASK]) ?? [];
  const isTask = value === undefined || more.length > 0 ? undefined : TRUTH.get(value);
  if (filters === undefined || isTask === undefined) return undefined;
  const { [IS_TASK]: _isTask, ...others } = filters;
  if (!isTask) return { isTask, others };
  const labels = others["label"] === undefined ? [] : valuesOf(others["label"]);
  return labels && { isTask, others: { ...others, label: [...labels, TASK_LABEL] } };
}

function objectIn(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
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

function listPath(
  context: Context,
  filters: Readonly<Record<string, unknown>>,
  changes: Readonly<Record<string, string | undefined>>,
): string {
  const { searchParams } = new URL(context.req.url);
  for (const [name, value] of Object.entries({ ...changes, filters: JSON.stringify(filters) })) {
    if (value === undefined) searchParams.delete(name);
    else searchParams.set(name, value);
  }
  return pathOf(context, `?${searchParams.toString()}`);
}
