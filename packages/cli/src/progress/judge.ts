import type { Service, Task } from "@murmur/api";
import type { Picture } from "./picture.ts";
import { hasEnded, isCurrent, isFailed, isUp, lastTasks, slotsOf, type Slot } from "./slots.ts";
import { slotName } from "../task/slot-name.ts";

/** How often a slot may fail before the wait is given up. */
const FAILURES_MAX = 3;

/** What was there before the user's change, and so says nothing about it. */
export interface Baseline {
  readonly taskIds: ReadonlySet<string>;
  /** When the update that was last before it began. */
  readonly updateStartedAt: string | undefined;
  /** Going back is what the user asked for. */
  readonly isRollback: boolean;
}

export const NOTHING_BEFORE: Baseline = { taskIds: new Set(), updateStartedAt: undefined, isRollback: false };

export interface SlotProgress {
  readonly name: string;
  /** A task state, or what stands in its way. */
  readonly state: string;
  readonly problem: string | undefined;
  readonly done: boolean;
}

type Verdict =
  | { readonly kind: "converging" }
  | { readonly kind: "converged" }
  /** Some tasks have ended for good, and nothing else is on its way. */
  | { readonly kind: "stuck"; readonly reasons: readonly string[] }
  | { readonly kind: "failed"; readonly reasons: readonly string[] };

export interface Judgement {
  readonly done: number;
  readonly total: number;
  readonly noun: "tasks" | "jobs" | "stopped";
  readonly slots: readonly SlotProgress[];
  /** What the update says of itself. */
  readonly notice: string | undefined;
  readonly verdict: Verdict;
}

/** What a picture of a service means for somebody who waits for it. Pure: the same picture, the same judgement. */
export function judge(picture: Picture, baseline: Baseline): Judgement {
  const { service } = picture;
  if (service === undefined || service.Murmur.Removing) {
    const verdict: Verdict = { kind: "failed", reasons: ["the service was removed"] };
    return { done: 0, total: 0, noun: "tasks", slots: [], notice: undefined, verdict };
  }
  if (service.Spec.Murmur?.Stopped === true) return judgeStopped(picture);
  const job = service.JobStatus !== undefined;
  const wanted = wantedOf(service);
  const slots = shownSlots(picture, service, { wanted, baseline });
  const progress = slots.map((slot) => progressOf(slot, service));
  const total = wanted ?? progress.length;
  const done = progress.filter((slot) => slot.done).length;
  const surplus = wanted !== undefined && !job && slots.filter(({ spent }) => !spent).length > wanted;
  const judgement = {
    done: Math.min(done, total),
    total,
    noun: job ? ("jobs" as const) : ("tasks" as const),
    slots: progress,
  };
  const notice = noticeOf(service, baseline);
  const isDone = done >= total && !surplus && (wanted !== undefined || total > 0);
  const failure = failureOf(service, slots, { baseline, isDone });
  if (failure !== undefined) return { ...judgement, notice, verdict: failure };
  if (isDone) return { ...judgement, notice, verdict: { kind: "converged" } };
  const reasons = gaveUp(slots, service);
  const verdict: Verdict = reasons.length > 0 ? { kind: "stuck", reasons } : { kind: "converging" };
  return { ...judgement, notice, verdict };
}

/** It has converged when the last task of each slot has ended. */
function judgeStopped(picture: Picture): Judgement {
  const slots = lastTasks(picture).map((task): SlotProgress => ({
    name: slotName(task),
    state: task.Status.State,
    problem: undefined,
    done: hasEnded(task),
  }));
  const done = slots.filter((slot) => slot.done).length;
  const verdict: Verdict = { kind: done === slots.length ? "converged" : "converging" };
  return { done, total: slots.length, noun: "stopped", slots, notice: undefined, verdict };
}

/** Spent slots count as far as tasks are missing; of a global service, which misses none, if they are news. */
function shownSlots(
  picture: Picture,
  service: Service,
  { wanted, baseline }: { readonly wanted: number | undefined; readonly baseline: Baseline },
): readonly Slot[] {
  const slots = slotsOf(picture);
  if (service.JobStatus !== undefined) return slots.filter(({ current }) => isOfThisRun(current, service));
  const held = slots.filter(({ spent }) => !spent).length;
  return slots.filter(
    ({ spent, current }) => !spent || (wanted === undefined ? !baseline.taskIds.has(current.ID) : held < wanted),
  );
}

/** How many tasks there are to be; undefined for a global service: one for each node that fits. */
function wantedOf({ Spec: { Mode } }: Service): number | undefined {
  if (Mode?.Global !== undefined || Mode?.GlobalJob !== undefined) return undefined;
  if (Mode?.ReplicatedJob !== undefined) {
    return Mode.ReplicatedJob.TotalCompletions ?? Mode.ReplicatedJob.MaxConcurrent ?? 1;
  }
  return Mode?.Replicated?.Replicas ?? 1;
}

const isOfThisRun = (task: Task, service: Service): boolean =>
  task.JobIteration?.Index === service.JobStatus?.JobIteration.Index;

function progressOf(slot: Slot, service: Service): SlotProgress {
  const { current } = slot;
  const job = service.JobStatus !== undefined;
  const done = job ? current.Status.State === "complete" : isUp(current) && isCurrent(current, service);
  const outdated = !job && isUp(current) && !isCurrent(current, service);
  const earlier = slot.tasks.findLast((task) => isFailed(task) && isCurrent(task, service));
  const problem = done ? undefined : (problemOf(current) ?? (earlier === undefined ? undefined : problemOf(earlier)));
  return { name: slotName(current), state: outdated ? "to be updated" : stateOf(current), problem, done };
}

function stateOf({ Status, Murmur }: Task): string {
  if (Status.State !== "running" || Murmur.Health === undefined || Murmur.Health === "none") return Status.State;
  return Murmur.Health === "healthy" ? "running" : Murmur.Health;
}

/** Why a task isn't placed or didn't start: the scheduler's or the engine's own words. */
function problemOf({ Status }: Task): string | undefined {
  return Status.Err === undefined || Status.Err === "" ? undefined : Status.Err;
}

/** An update that is news: not one that had ended before the user asked for this one. */
function updateOf(service: Service, baseline: Baseline): Service["UpdateStatus"] {
  const status = service.UpdateStatus;
  return status === undefined || status.StartedAt === baseline.updateStartedAt ? undefined : status;
}

function noticeOf(service: Service, baseline: Baseline): string | undefined {
  const status = updateOf(service, baseline);
  return status?.State === "rollback_started" && !baseline.isRollback
    ? `service rolled back: ${status.Message}`
    : undefined;
}

function failureOf(
  service: Service,
  slots: readonly Slot[],
  { baseline, isDone }: { readonly baseline: Baseline; readonly isDone: boolean },
): Verdict | undefined {
  const failures = slots.map((slot) => slot.tasks.filter((task) => isFailed(task) && !baseline.taskIds.has(task.ID)));
  const status = updateOf(service, baseline);
  // The rollback itself is waited for, so that what is said at last is how the service stands.
  const wentBack = status?.State === "rollback_completed" || (status?.State === "rollback_started" && isDone);
  if (wentBack && !baseline.isRollback) {
    return { kind: "failed", reasons: ["the update was rolled back", ...distinct(failures.flat())] };
  }
  if (status?.State === "paused" || status?.State === "rollback_paused") {
    return { kind: "failed", reasons: [`service ${status.Message}`, ...distinct(failures.flat())] };
  }
  const hopeless = failures.filter((tasks) => tasks.length >= FAILURES_MAX);
  if (hopeless.length === 0) return undefined;
  const [first = []] = hopeless;
  const what = `tasks fail again and again (${first[0] === undefined ? "" : slotName(first[0])}: ${String(first.length)} times)`;
  return { kind: "failed", reasons: [what, ...distinct(hopeless.flat())] };
}

/** The spent slots, once all others have what they want. */
function gaveUp(slots: readonly Slot[], service: Service): string[] {
  const isAtRest = (slot: Slot): boolean => slot.spent || progressOf(slot, service).done;
  const ended = slots.filter((slot) => slot.spent && !progressOf(slot, service).done);
  return slots.every(isAtRest) ? ended.map(({ current }) => endOf(current)) : [];
}

const endOf = (task: Task): string =>
  `task ${slotName(task)} is ${task.Status.State} and isn't restarted${problemOf(task) === undefined ? "" : `: ${problemOf(task) ?? ""}`}`;

/** Each reason once, with the first task that has it. */
function distinct(tasks: readonly Task[]): string[] {
  const byReason = new Map<string, Task>();
  for (const task of tasks) {
    const reason = problemOf(task) ?? task.Status.Message;
    if (!byReason.has(reason)) byReason.set(reason, task);
  }
  return [...byReason].slice(0, REASONS_MAX).map(([reason, task]) => `${slotName(task)}: ${reason}`);
}

const REASONS_MAX = 5;
