import type { Millis } from "@murmur/base";
import {
  isAssigned,
  isLeaving,
  isLeftSlowly,
  isTerminal,
  namedVolumesOf,
  taskName,
  wantsToRun,
  type ClusterNode,
  type Service,
  type Task,
} from "@murmur/model";
import { slotOf, type View } from "@murmur/store";
import type { Hono } from "hono";
import { countTasks, fromService } from "../docker/service.ts";
import { fromTask } from "../docker/task.ts";
import { toTimestamp } from "../docker/time.ts";
import type { Placement, ServiceExplanation, TaskExplanation } from "../murmur-types.ts";
import type { PlacementFacts } from "../ports.ts";
import type { ClusterAccess } from "./context.ts";
import { findService, findTask } from "./lookup.ts";
import { leftVolumesText } from "../docker/left-volumes.ts";
import { isLost } from "./lost-task.ts";
import { serviceBalanceText } from "./rebalance-text.ts";
import { stateOf, whereVolumesAre } from "./volume-text.ts";

/** Tasks of a service that are explained one by one. */
export const SHOWN_MAX = 20;

/** Answers to "why": where each task of a service stands, and what stands in its way. */
export function addExplainRoutes(app: Hono, access: ClusterAccess): void {
  app.get("/murmur/tasks/:id/explain", async (context) => {
    const view = await access.read(context);
    const task = taskNamed(view, context.req.param("id"));
    const [explained] = explainAll(access, view, [task]);
    return context.json(explained);
  });

  app.get("/murmur/services/:id/explain", async (context) => {
    const view = await access.read(context);
    const service = findService(view, context.req.param("id"));
    const amiss = currentTasks(view, service).filter((task) => !isAsItShouldBe(view, task));
    const networkOf = (id: Parameters<View["network"]>[0]) => view.network(id);
    const status = countTasks(service, view.tasksOfService(service.id), (task) => isLost(view, task));
    const rebalance = serviceBalanceText(access.cluster(), view, { service, now: access.ports.clock.now() });
    const answer: ServiceExplanation = {
      service: fromService(service, { status, networkOf }),
      why: whyService(service, status),
      ...(rebalance === undefined ? {} : { rebalance }),
      tasks: explainAll(access, view, amiss.slice(0, SHOWN_MAX)),
      more: Math.max(0, amiss.length - SHOWN_MAX),
      volumes: whereVolumesAre(
        view,
        [...new Set(currentTasks(view, service).flatMap((task) => namedVolumesOf(task)))].slice(0, SHOWN_MAX),
      ),
    };
    return context.json(answer);
  });
}

/** `web.1` is the task that is in this slot now. */
function taskNamed(view: View, text: string): Task {
  const cut = text.lastIndexOf(".");
  const service = cut > 0 ? view.serviceByName(text.slice(0, cut)) : undefined;
  const slot = service && currentTasks(view, service).find((task) => String(task.slot) === text.slice(cut + 1));
  return slot ?? findTask(view, text);
}

/** Of each slot the task that is wanted, else the last one. */
export function currentTasks(view: View, service: Service): readonly Task[] {
  const current = new Map<ReturnType<typeof slotOf>, Task>();
  for (const task of view.tasksOfService(service.id)) {
    const slot = slotOf(task);
    const known = current.get(slot);
    if (known === undefined || wantsToRun(task.desiredState) || !wantsToRun(known.desiredState))
      current.set(slot, task);
  }
  return [...current.values()];
}

export function isAsItShouldBe(view: View, task: Task): boolean {
  const { state, health } = task.status;
  if (!wantsToRun(task.desiredState)) return isTerminal(state) && (state === "shutdown" || !endedForGood(view, task));
  const isHealthy = health !== "starting" && health !== "unhealthy";
  return state === "running" && isHealthy && !isLost(view, task);
}

/** Whether it ended by itself, and nothing takes its place. */
function endedForGood(view: View, { serviceId, status: { state } }: Task): boolean {
  const spec = view.service(serviceId)?.spec;
  if (spec === undefined || spec.stopped === true) return false;
  const isJob = spec.mode.kind === "replicated-job" || spec.mode.kind === "global-job";
  return state === "failed" || state === "rejected" || (state === "complete" && !isJob);
}

export function explainAll(access: ClusterAccess, view: View, tasks: readonly Task[]): TaskExplanation[] {
  const waiting = tasks.filter(waitsForNode);
  const facts = waiting.length === 0 ? [] : access.cluster().placements(view, waiting);
  const placements = new Map(waiting.map((task, at) => [task, facts[at]]));
  const now = access.ports.clock.now();
  return tasks.map((task) => {
    const placement = placements.get(task);
    const replacement = replacementOf(view, task);
    return {
      task: fromTask(task, (id) => view.network(id)),
      why: withLeftVolumes(whyTask(view, task, { placement, now }), task, view),
      ...(placement !== undefined && { placement: toPlacement(placement) }),
      ...(replacement !== undefined && { replacement: fromTask(replacement, (id) => view.network(id)) }),
    };
  });
}

/** What is to take over from a task on a node that is drained, or from one that is to move. */
function replacementOf(view: View, task: Task): Task | undefined {
  const node = task.nodeId === undefined ? undefined : view.node(task.nodeId);
  if ((node?.spec.availability !== "drain" && task.move === undefined) || task.slot === 0) return undefined;
  const slot = view.tasksOfSlot(task.serviceId, task.slot);
  return slot.slice(slot.indexOf(task) + 1).findLast((later) => wantsToRun(later.desiredState));
}

function withLeftVolumes(why: string, task: Task, view: View): string {
  const left = wantsToRun(task.desiredState) ? leftVolumesText(task, (id) => stateOf(view, id)) : "";
  return left === "" ? why : `${why}; ${left}`;
}

const waitsForNode = (task: Task): boolean => wantsToRun(task.desiredState) && !isAssigned(task.status.state);

const toPlacement = ({ fitting, message, refusals, closest }: PlacementFacts): Placement => ({
  fitting,
  message,
  refusals: refusals.map((refusal) => ({ ...refusal })),
  ...(closest !== undefined && { closest: { ...closest, lacks: [...closest.lacks] } }),
});

function whyTask(view: View, task: Task, facts: { placement: PlacementFacts | undefined; now: Millis }): string {
  const { status, desiredState, nodeId } = task;
  const node = nodeId === undefined ? undefined : view.node(nodeId);
  const where = node?.description?.hostname ?? nodeId ?? "";
  if (!wantsToRun(desiredState)) {
    if (!isTerminal(status.state)) return `it is being stopped on node ${where}`;
    return endedForGood(view, task) ? `${ended(task)}; its restart policy leaves it at that` : ended(task);
  }
  if (isTerminal(status.state)) return `${ended(task)}${triedAgain(task, facts.now)}`;
  if (nodeId !== undefined && isLost(view, task)) return lost(view, task, where);
  if (facts.placement !== undefined) return waits(task, facts.placement);
  if (status.error !== undefined && status.error !== "") {
    return `${status.state === "running" ? "it runs " : ""}on node ${where}: ${status.error}`;
  }
  if (desiredState === "ready" && status.state !== "running") return held(task, { where, now: facts.now });
  if (status.state !== "running") return `it is ${status.state} on node ${where}: ${status.message}`;
  if (status.health === "starting") return `it runs on node ${where}, and its health check has not passed yet`;
  if (status.health === "unhealthy") return `it runs on node ${where}, and its health check fails`;
  const runs = `it runs on node ${where}`;
  if (node !== undefined && isLeftSlowly(node, facts.now)) return `${runs}, ${leaves(view, task, node)}`;
  return isLeaving(task, node, facts.now) ? `${runs}, ${moves(view, task)}` : runs;
}

/** What a task waits for that works on a node which is drained with a deadline. */
function leaves(view: View, task: Task, { drainUntil = 0 }: ClusterNode): string {
  const { mode } = view.service(task.serviceId)?.spec ?? {};
  const until = `is stopped at ${toTimestamp(drainUntil).slice(0, 19)}Z`;
  const drained = "which is drained";
  if (mode?.kind !== "replicated") return `${drained}: it may come to its end there, and ${until}`;
  const next = replacementOf(view, task);
  if (next === undefined) return `${drained}: it is to be replaced elsewhere, in its turn, and ${until} at the latest`;
  const { state, message, error = "" } = next.status;
  const stands = `${state}: ${error === "" ? message : error}`;
  return `${drained}: it works on until ${taskName(next)} does (${stands}), and ${until} at the latest`;
}

function moves(view: View, task: Task): string {
  const next = replacementOf(view, task);
  const until = `and stays if that takes longer than until ${toTimestamp(task.move?.until ?? 0).slice(0, 19)}Z`;
  if (next === undefined) return `and is to move, in its turn, ${until}`;
  const { state, message, error = "" } = next.status;
  return `and works on until ${taskName(next)} does (${state}: ${error === "" ? message : error}), ${until}`;
}

function ended({ status, serviceName }: Task): string {
  const said = status.error ?? "";
  const code = status.exitCode === undefined || status.exitCode === 0 ? "" : `exit code ${String(status.exitCode)}`;
  const why = said === "" ? code : said;
  const word = status.state === "shutdown" ? "it was stopped" : `it is ${status.state}`;
  if (why === "") return word;
  // What never ran has no logs.
  return status.state === "rejected" ? `${word}: ${why}` : `${word}: ${why} (see murmur service logs ${serviceName})`;
}

/** Of one that failed before its turn came: what takes its place keeps to the restart policy. */
function triedAgain({ notBefore = 0 }: Task, now: Millis): string {
  const waitMs = notBefore - now;
  return waitMs > 0 ? `; it is tried again in ${String(Math.ceil(waitMs / 1_000))} s` : "";
}

function lost(view: View, task: Task, where: string): string {
  const policy = view.service(task.serviceId)?.spec.onNodeLoss;
  if (policy === undefined) return `node ${where} is down`;
  if (policy.kind === "wait") return `node ${where} is down; its service waits until it is back or removed`;
  return `node ${where} is down; its service waits ${String(policy.afterMs / 1_000)} s for it to come back`;
}

function waits(task: Task, { fitting, message }: PlacementFacts): string {
  if (fitting > 0)
    return `${fitting === 1 ? "1 node" : `${String(fitting)} nodes`} could take it; it is given to one in a moment`;
  return task.nodeId === undefined ? message : `it was made for one node: ${message}`;
}

function held(task: Task, { where, now }: { readonly where: string; readonly now: Millis }): string {
  const waitMs = (task.notBefore ?? 0) - now;
  if (waitMs > 0)
    return `it is ready on node ${where} and starts in ${String(Math.ceil(waitMs / 1_000))} s: the one before it has ended, and the restart policy waits`;
  return `it is ready on node ${where} and waits until the one before it has stopped`;
}

function whyService(service: Service, counts: ReturnType<typeof countTasks>): string {
  const { spec, updateStatus } = service;
  if (spec.stopped === true) return `it is stopped; start it: murmur service start ${spec.name}`;
  const state = updateStatus?.state;
  const update = state === undefined || state === "completed" ? "" : `; ${updateStatus?.message ?? state}`;
  return `${String(counts.RunningTasks)} of ${String(counts.DesiredTasks)} tasks run${update}`;
}
