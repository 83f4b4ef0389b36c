import type { Service, Task } from "@murmur/api";
import type { Picture } from "./picture.ts";

/** One place of a service: a number, or a node of a global service. */
export interface Slot {
  readonly key: string;
  /** Newest last. */
  readonly tasks: readonly Task[];
  /** The newest of those that are wanted, else the newest. */
  readonly current: Task;
}

const WANTED: readonly Task["DesiredState"][] = ["ready", "running", "complete"];
const FAILED: readonly Task["Status"]["State"][] = ["failed", "rejected"];
const ENDED: readonly Task["Status"]["State"][] = [...FAILED, "complete", "shutdown", "remove", "orphaned"];

export const isWanted = (task: Task): boolean => WANTED.includes(task.DesiredState);
export const isFailed = (task: Task): boolean => FAILED.includes(task.Status.State);
export const isEnded = (task: Task): boolean => ENDED.includes(task.Status.State);

/** As the orchestrator sees it: a task that runs, and whose health check, if it has one, is content. */
export const isUp = ({ Status, Murmur }: Task): boolean =>
  Status.State === "running" && Murmur.Health !== "starting" && Murmur.Health !== "unhealthy";

/** Whether a task is of the service's present spec. */
export const isCurrent = (task: Task, service: Service): boolean =>
  task.Murmur.SpecVersion === service.Murmur.SpecVersion;

/** The slots that are of interest: those that some task is wanted in, or was until it ended by itself. */
export function slotsOf(picture: Picture): readonly Slot[] {
  const groups = new Map<string, Task[]>();
  const byAge = [...picture.tasks.values()].sort(
    (a, b) => Date.parse(a.CreatedAt) - Date.parse(b.CreatedAt) || a.Version.Index - b.Version.Index,
  );
  for (const task of byAge) {
    const key = task.Slot === undefined ? (task.NodeID ?? "") : String(task.Slot);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [task]);
    else group.push(task);
  }
  const slots: Slot[] = [];
  for (const [key, tasks] of groups) {
    const current = tasks.findLast(isWanted);
    if (current !== undefined) slots.push({ key, tasks, current });
  }
  return slots.sort((a, b) => (a.current.Slot ?? 0) - (b.current.Slot ?? 0) || (a.key < b.key ? -1 : 1));
}
