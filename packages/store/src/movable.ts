import type { Millis } from "@murmur/base";
import { isLeaving, isUpdating, wantsToRun, type Service, type Task } from "@murmur/model";
import { slotOf, type View } from "./view.ts";

/** Why none of a service's tasks is to be moved, for people; undefined: they may be. */
export function whyImmovable(service: Service): string | undefined {
  const { spec } = service;
  const { kind } = spec.mode;
  if (kind === "global") return "is global: it has a task on every node, and none is to be moved";
  if (kind !== "replicated") return "is a job: its tasks are left to end, and none is to be moved";
  if (isUpdating(service)) return "is being updated, which replaces its tasks: rebalance it when that is done";
  if (spec.task.container.mounts?.some((mount) => mount.kind === "volume" && (mount.source ?? "") !== "") === true)
    return "mounts named volumes: its tasks stay where their data is";
  return undefined;
}

/** The tasks of a service that work and are not being replaced already. O(tasks of the service). */
export function movableTasks(view: View, service: Service, now: Millis): readonly Task[] {
  const { specVersion } = service;
  return view.tasksOfService(service.id).filter((task) => {
    const { status, desiredState, nodeId } = task;
    if (desiredState !== "running" || status.state !== "running" || task.specVersion !== specVersion) return false;
    const node = nodeId === undefined ? undefined : view.node(nodeId);
    if (node === undefined || node.status.state === "down") return false;
    if (status.health === "starting" || status.health === "unhealthy") return false;
    const slot = slotOf(task);
    const wanted = slot === undefined ? [] : view.tasksOfSlot(service.id, slot).filter(isWanted);
    return wanted.length === 1 && !isLeaving(task, node, now);
  });
}

const isWanted = ({ desiredState }: Task): boolean => wantsToRun(desiredState);
