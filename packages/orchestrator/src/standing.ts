import type { NodeId } from "@murmur/base";
import { updateConfigOf, wantsToRun, type Task } from "@murmur/model";
import { slotOf } from "@murmur/store";
import { isToMove } from "./is-to-move.ts";
import { isRestartable } from "./restart.ts";
import type { Round } from "./round.ts";
import { endedByItself, isUp } from "./task-facts.ts";
import { verdictOf, type Verdict } from "./verdict.ts";

/** A place for one task: a number, or a node for global services. Tasks are its present one and its history. */
export interface Slot {
  readonly key: number | NodeId;
  /** Oldest first. */
  readonly tasks: readonly Task[];
}

interface Wanted {
  /** Tasks that are wanted still and must not be: to be shut down. */
  readonly surplus: readonly Task[];
  /** One that works on until its replacement is up: of an older spec (start-first), or on a node that is left slowly. */
  readonly old?: Task;
}

/** How a slot stands. */
export type Standing =
  /** `task` holds the slot; `current` when it is of the service's present spec. */
  | (Wanted & { readonly kind: "held"; readonly slot: Slot; readonly task: Task; readonly current: boolean })
  /** `task` is to be replaced, because of `cause`. */
  | (Wanted & { readonly kind: "broken"; readonly slot: Slot; readonly task: Task; readonly cause: Cause })
  /** `task` ended, and the restart policy leaves it at that. */
  | (Wanted & { readonly kind: "spent"; readonly slot: Slot; readonly task: Task; readonly current: boolean })
  /** No task is wanted here, nor was it the policy that ended the last one. */
  | { readonly kind: "vacant"; readonly slot: Slot };

type Cause = Exclude<Verdict, "keep">;
export type Occupied = Exclude<Standing, { kind: "vacant" }>;

/** The slots of a service that have tasks, in their order. A job's tasks of earlier runs are not among them. */
export function slotsOf(round: Round): readonly Slot[] {
  const { view, service } = round;
  const slots: Slot[] = [];
  const all = view.tasksOfService(service.id);
  round.looks += all.length;
  for (const task of all) {
    const key = slotOf(task);
    if (key === undefined) continue;
    const tasks = view.tasksOfSlot(service.id, key);
    // Both lists are in the order of creation: each slot is met first at its oldest task.
    if (tasks[0] === task) slots.push({ key, tasks: presentTasks(round, tasks) });
  }
  return slots.sort(bySlot);
}

/** One slot of a service; it may have no tasks. */
export function slotAt(round: Round, key: Slot["key"]): Slot {
  const tasks = round.view.tasksOfSlot(round.service.id, key);
  round.looks += tasks.length;
  return { key, tasks: presentTasks(round, tasks) };
}

const NO_TASKS: readonly Task[] = [];

const presentTasks = (round: Round, tasks: readonly Task[]): readonly Task[] =>
  round.isJob ? tasks.filter((task) => round.isCurrent(task)) : tasks;

/** Slots are all numbers or all nodes. */
export const bySlot = (a: Slot, b: Slot): number => (a.key === b.key ? 0 : a.key < b.key ? -1 : 1);

export function standingOf(round: Round, slot: Slot): Standing {
  const [only] = slot.tasks;
  if (only !== undefined && slot.tasks.length === 1 && wantsToRun(only.desiredState)) {
    // What most slots look like in a service at rest; there may be a hundred thousand of them.
    if (verdictOf(round, only) === "keep") {
      isToMove(round, only);
      return { kind: "held", slot, task: only, current: round.isCurrent(only), surplus: NO_TASKS };
    }
  }
  const done = round.isJob ? slot.tasks.findLast((task) => task.status.state === "complete") : undefined;
  const wanted = slot.tasks.filter((task) => wantsToRun(task.desiredState));
  if (done !== undefined) return { kind: "spent", slot, task: done, current: true, ...rest(wanted, done, {}) };
  const kept = wanted.filter((task) => verdictOf(round, task) === "keep");
  // One that is to move is leaving from the moment on that its replacement is made.
  const moving = kept.filter((task) => isToMove(round, task) && task !== wanted.at(-1));
  const alive = kept.filter((task) => !moving.includes(task));
  const leaving = best([...wanted.filter((task) => verdictOf(round, task) === "leaving"), ...moving]);
  const holder = best(alive.filter((task) => round.isCurrent(task)));
  const old = best(alive.filter((task) => !round.isCurrent(task)));
  if (holder !== undefined) {
    // What isn't up does no work that would be missed, and may hold the room that its replacement waits for.
    const working = old !== undefined && isUp(old) ? old : undefined;
    const before = leaving ?? (updateConfigOf(round.service).order === "start-first" ? working : undefined);
    const beside = before !== undefined && !isUp(holder) ? { old: before } : {};
    return { kind: "held", slot, task: holder, current: true, ...rest(wanted, holder, beside) };
  }
  if (leaving !== undefined && (old === undefined || !isUp(old))) return leave(round, slot, { leaving, wanted });
  const replacement = slot.tasks.findLast((task) => round.isCurrent(task) && task !== leaving);
  if (old !== undefined) {
    // A replacement that was started beside the old task and failed: the old one works on. Where an update stops it first,
    // what was begun beside it (it was leaving then, and isn't any more) is dropped, and the update takes its turn.
    const isBeside = updateConfigOf(round.service).order === "start-first" && replacement !== undefined;
    const tried = isBeside ? afterEnd(round, slot, { last: replacement, wanted, old }) : undefined;
    return tried ?? { kind: "held", slot, task: old, current: false, ...rest(wanted, old, {}) };
  }
  const last = wanted.at(-1) ?? slot.tasks.at(-1);
  return (last === undefined ? undefined : afterEnd(round, slot, { last, wanted })) ?? { kind: "vacant", slot };
}

/** How a slot stands whose only task that works is to go elsewhere: it is to be replaced, anew if that has failed. */
function leave(round: Round, slot: Slot, { leaving, wanted }: { leaving: Task; wanted: readonly Task[] }): Occupied {
  const later = slot.tasks.slice(slot.tasks.indexOf(leaving) + 1);
  const last = later.findLast((task) => round.isCurrent(task));
  const tried = last === undefined ? undefined : afterEnd(round, slot, { last, wanted, old: leaving });
  if (tried !== undefined) return tried;
  const kept = rest(wanted, undefined, { old: leaving });
  return { kind: "broken", slot, task: leaving, cause: "leaving", ...kept };
}

/** How a slot stands whose decisive task `last` no longer lives; undefined when that task says nothing about it. */
function afterEnd(
  round: Round,
  slot: Slot,
  facts: { last: Task; wanted: readonly Task[]; old?: Task },
): Occupied | undefined {
  const { last, wanted, old } = facts;
  const kept = old === undefined ? {} : { old };
  const others = rest(wanted, undefined, kept);
  const isWanted = wantsToRun(last.desiredState);
  const cause = isWanted ? verdictOf(round, last) : endedByItself(last) ? "ended" : "keep";
  if (last.desiredState === "remove" || cause === "keep") return undefined;
  if (cause === "ended" && !isRestartable(round, slot.key, last)) {
    return { kind: "spent", slot, task: last, current: round.isCurrent(last), ...others };
  }
  return isWanted ? { kind: "broken", slot, task: last, cause, ...others } : undefined;
}

function rest(wanted: readonly Task[], holder: Task | undefined, kept: { old?: Task }): Wanted {
  return { surplus: wanted.filter((task) => task !== holder && task !== kept.old), ...kept };
}

/** Of several tasks in one slot, the one to keep: started before held back, up before not, newest last. */
function best(tasks: readonly Task[]): Task | undefined {
  let chosen: Task | undefined;
  for (const task of tasks) if (chosen === undefined || rank(task) >= rank(chosen)) chosen = task;
  return chosen;
}

const rank = (task: Task): number => (task.desiredState === "ready" ? 0 : 2) + (isUp(task) ? 1 : 0);
