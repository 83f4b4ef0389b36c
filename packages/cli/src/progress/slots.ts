import type { Service, Task } from "@murmur/api";
import type { Picture } from "./picture.ts";

/** One place of a service: a number, or a node of a global service. */
export interface Slot {
  readonly key: string;
  /** Newest last. */
  readonly tasks: readonly Task[];
  /** The newest of those that are wanted; of a spent slot the newest. */
  readonly current: Task;
  /** Its last task ended by itself, and the restart policy leaves it at that: nothing is wanted here any more. */
  readonly spent: boolean;
}

const WANTED: readonly Task["DesiredState"][] = ["ready", "running", "complete"];
const FAILED: readonly Task["Status"]["State"][] = ["failed", "rejected"];

export const isWanted = (task: Task): boolean => WANTED.includes(task.DesiredState);
export const isFailed = (task: Task): boolean => FAILED.includes(task.Status.State);
/** Neither stopped by anybody nor lost. */
const endedByItself = (task: Task): boolean => isFailed(task) || task.Status.State === "complete";

/** As the orchestrator sees it: a task that runs, and whose health check, if it has one, is content. */
export const isUp = ({ Status, Murmur }: Task): boolean =>
  Status.State === "running" && Murmur.Health !== "starting" && Murmur.Health !== "unhealthy";

/** Whether a task is of the service's present spec. */
export const isCurrent = (task: Task, service: Service): boolean =>
  task.Murmur.SpecVersion === service.Murmur.SpecVersion;

const ENDED: readonly Task["Status"]["State"][] = ["complete", "shutdown", "failed", "rejected", "orphaned"];
const UNASSIGNED: readonly Task["Status"]["State"][] = ["new", "pending"];

/** Whether nothing of a task runs: it has ended, or no node was told of it and none will be. */
export const hasEnded = (task: Task): boolean =>
  ENDED.includes(task.Status.State) || (!isWanted(task) && UNASSIGNED.includes(task.Status.State));

/** The newest task of each slot, in the slots' order. */
export const lastTasks = (picture: Picture): readonly Task[] =>
  [...groupsOf(picture)]
    .flatMap(([, tasks]) => tasks.at(-1) ?? [])
    .sort((a, b) => (a.Murmur.Slot ?? 0) - (b.Murmur.Slot ?? 0) || ((a.NodeID ?? "") < (b.NodeID ?? "") ? -1 : 1));

/** The tasks of each slot, oldest first. */
function groupsOf(picture: Picture): ReadonlyMap<string, readonly Task[]> {
  const groups = new Map<string, Task[]>();
  const byAge = [...picture.tasks.values()].sort(
    (a, b) => Date.parse(a.CreatedAt) - Date.parse(b.CreatedAt) || a.Version.Index - b.Version.Index,
  );
  for (const task of byAge) {
    const key = String(task.Murmur.Slot ?? task.NodeID ?? "");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [task]);
    else group.push(task);
  }
  return groups;
}

/** The slots in which a task is wanted, or was until it ended by itself. */
export function slotsOf(picture: Picture): readonly Slot[] {
  const slots: Slot[] = [];
  for (const [key, tasks] of groupsOf(picture)) {
    const wanted = tasks.findLast(isWanted);
    const newest = tasks.at(-1);
    if (wanted !== undefined) slots.push({ key, tasks, current: wanted, spent: false });
    else if (newest !== undefined && newest.DesiredState === "shutdown" && endedByItself(newest)) {
      slots.push({ key, tasks, current: newest, spent: true });
    }
  }
  return slots.sort((a, b) => (a.current.Murmur.Slot ?? 0) - (b.current.Murmur.Slot ?? 0) || (a.key < b.key ? -1 : 1));
}
