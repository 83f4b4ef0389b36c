import type { NodeId } from "@murmur/base";
import { namedVolumesOf, type ServiceId, type Task } from "@murmur/model";

const NO_VOLUMES: readonly string[] = [];

/** The volumes for which a task would rather be on one node than on another. One of a global service has no choice. */
export const volumesOf = (task: Task): readonly string[] =>
  task.slot > 0 && task.spec.container.mounts !== undefined ? namedVolumesOf(task) : NO_VOLUMES;

interface Stay {
  readonly nodeId: NodeId;
  readonly since: number;
}

/**
 * Where the tasks of each slot were, of services that mount volumes: the last of them wrote what a new one wants to read.
 * Nothing is kept of others. Invariant: equal to what the tasks' records say, in whatever order they came in.
 */
export class Homes {
  readonly #stays = new Map<ServiceId, Map<number, Map<string, Stay>>>();

  /** The node of the last task in the slot of this one; undefined when there was none, or it mounts no volumes. */
  of(task: Task): NodeId | undefined {
    if (this.#stays.size === 0) return undefined;
    const stays = volumesOf(task).length === 0 ? undefined : this.#stays.get(task.serviceId)?.get(task.slot);
    let last: (Stay & { readonly id: string }) | undefined;
    for (const [id, stay] of stays ?? []) {
      if (last !== undefined && (stay.since < last.since || (stay.since === last.since && id < last.id))) continue;
      last = { ...stay, id };
    }
    return last?.nodeId;
  }

  hold(task: Task): void {
    if (task.nodeId === undefined || volumesOf(task).length === 0) return;
    const slots = this.#stays.get(task.serviceId) ?? new Map<number, Map<string, Stay>>();
    this.#stays.set(task.serviceId, slots);
    const stays = slots.get(task.slot) ?? new Map<string, Stay>();
    slots.set(task.slot, stays);
    stays.set(task.id, { nodeId: task.nodeId, since: task.createdAt });
  }

  release(task: Task): void {
    if (task.nodeId === undefined || volumesOf(task).length === 0) return;
    const slots = this.#stays.get(task.serviceId);
    const stays = slots?.get(task.slot);
    if (slots === undefined || stays === undefined) return;
    stays.delete(task.id);
    if (stays.size === 0) slots.delete(task.slot);
    if (slots.size === 0) this.#stays.delete(task.serviceId);
  }
}
