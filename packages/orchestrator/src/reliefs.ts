import type { Millis } from "@murmur/base";
import { isLeftSlowly, wantsToRun, type Task } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Round } from "./round.ts";
import { shutDown } from "./settle.ts";
import type { Occupied } from "./standing.ts";
import { isUp } from "./task-facts.ts";
import { verdictOf } from "./verdict.ts";

/** Tasks of a service that are relieved at the same time, where its updates replace all at once. */
export const SERVICE_RELIEFS_MAX = 10;
/** Tasks of the whole cluster that are. */
export const RELIEFS_MAX = 20;
/** When to look again whether others have made room. */
const LOOK_MS: Millis = 500;

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

/**
 * Of the slots whose task is to be relieved, those that have to wait for their turn: a service's are relieved as many at a
 * time as its updates replace.
 */
export function postponeReliefs(round: Round, slots: readonly Occupied[]): ReadonlySet<Occupied> {
  const leaving = slots.filter(({ old }) => old !== undefined && verdictOf(round, old) === "leaving");
  if (leaving.length === 0) return NONE;
  const due = leaving.filter((standing) => standing.kind === "broken" && standing.cause === "leaving");
  const postponed = new Set<Occupied>();
  // One that has failed and waits for its next try keeps no other from its turn.
  const underway = leaving.filter(({ kind, task }) => kind === "held" && task.desiredState !== "ready").length;
  let room = round.atOnce(round.service.spec.update.parallelism || SERVICE_RELIEFS_MAX) - underway;
  for (const standing of due) {
    if (room > 0 && round.reliefs.take()) {
      room -= 1;
      continue;
    }
    if (room > 0) round.wake(round.now + LOOK_MS);
    shutDown(round, standing.surplus);
    postponed.add(standing);
  }
  return postponed;
}

const NONE: ReadonlySet<Occupied> = new Set();
