import type { Millis } from "@murmur/base";
import { isLeftSlowly, wantsToRun, type Task } from "@murmur/model";
import type { View } from "@murmur/store";
import { isUp } from "./task-facts.ts";

/** Tasks of the whole cluster that are. */
export const RELIEFS_MAX = 20;

/**
 * How many tasks of nodes that are left slowly may still be given a replacement: so many of the whole cluster come up at
 * the same time, whatever was on the nodes. One that no node has room for doesn't count, as it doesn't come up.
 * For the services that are reconciled on one state of the view, one after the other.
 */
export class Reliefs {
  readonly #view: View;
  readonly #now: Millis;
  /** Undefined until somebody asks: most often nobody does. */
  #room: number | undefined;

  constructor(view: View, now: Millis) {
    this.#view = view;
    this.#now = now;
  }

  /** Whether one more may begin; it is then counted. */
  take(): boolean {
    this.#room ??= RELIEFS_MAX - this.#underway();
    if (this.#room <= 0) return false;
    this.#room -= 1;
    return true;
  }

  #underway(): number {
    let count = 0;
    for (const node of this.#view.nodes()) {
      if (!isLeftSlowly(node, this.#now)) continue;
      for (const task of this.#view.tasksOfNode(node.id)) if (this.#isBeingRelieved(task)) count += 1;
    }
    return count;
  }

  #isBeingRelieved(task: Task): boolean {
    if (task.slot === 0 || !wantsToRun(task.desiredState) || !isUp(task)) return false;
    return this.#view.tasksOfSlot(task.serviceId, task.slot).some((other) => other !== task && comesUp(other));
  }
}

const comesUp = (task: Task): boolean =>
  task.desiredState === "running" &&
  !isUp(task) &&
  (task.status.state !== "pending" || task.status.error === undefined);
