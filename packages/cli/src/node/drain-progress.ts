import type { Node, Task, TaskExplanation } from "@murmur/api";
import { SLOTS_SHOWN_MAX } from "../progress/frame.ts";
import type { Judgement, SlotProgress } from "../progress/judge.ts";
import { hasEnded, isUp, isWanted } from "../progress/slots.ts";
import { slotName } from "../task/slot-name.ts";

/** A node that is drained, at one moment. */
export interface DrainPicture {
  readonly node: Node;
  readonly tasks: readonly Task[];
  /** Of some of them: what is to take over. */
  readonly explained: readonly TaskExplanation[];
}

interface Known {
  readonly name: string;
  gone: boolean;
  /** Why it had to stop before its replacement was up. */
  cut?: string;
}

/** What is left on a node that is drained, from the first look on. */
export class DrainProgress {
  readonly #known = new Map<string, Known>();

  /** The tasks to ask about: those that are left, and those that went since the last look. */
  news(tasks: readonly Task[]): readonly Task[] {
    return tasks.filter((task) => (this.#known.has(task.ID) ? this.#known.get(task.ID)?.gone === false : isLeft(task)));
  }

  look({ node, tasks, explained }: DrainPicture): Judgement {
    for (const task of tasks)
      if (isLeft(task) && !this.#known.has(task.ID)) this.#known.set(task.ID, { name: slotName(task), gone: false });
    const replacements = new Map(explained.map(({ task, replacement }) => [task.ID, replacement]));
    const byId = new Map(tasks.map((task) => [task.ID, task]));
    const hasGrace = node.Spec.Murmur?.Drain != null;
    const slots: SlotProgress[] = [];
    for (const [id, known] of this.#known) {
      const task = byId.get(id);
      const replacement = replacements.get(id);
      if (hasGrace && !known.gone && task !== undefined && replacement !== undefined) note(known, task, replacement);
      known.gone ||= task === undefined || !isLeft(task);
      slots.push(slotOf(known, task, replacement));
    }
    const total = slots.length;
    const done = slots.filter((slot) => slot.done).length;
    const shown = total <= SLOTS_SHOWN_MAX ? slots : slots.filter((slot) => !slot.done);
    const verdict = { kind: done === total ? "converged" : "converging" } as const;
    return { done, total, noun: "stopped", slots: shown, notice: undefined, verdict };
  }

  /** Tasks that were stopped at the deadline, each with the reason for which nothing had taken over. */
  get cut(): readonly string[] {
    return [...this.#known.values()].flatMap(({ name, cut }) => (cut === undefined ? [] : [`${name}: ${cut}`]));
  }
}

const UNASSIGNED: readonly Task["Status"]["State"][] = ["new", "pending"];

/** Whether something of a task runs on its node, or may come to. */
export const isLeft = (task: Task): boolean => !hasEnded(task) && !UNASSIGNED.includes(task.Status.State);

/** A task that was told to stop while its replacement isn't up. */
function note(known: Known, task: Task, replacement: Task): void {
  const isStopped = task.Status.State === "shutdown" || (isLeft(task) && !isWanted(task));
  if (!isStopped) return;
  if (isUp(replacement)) delete known.cut;
  else known.cut ??= problemOf(replacement);
}

function slotOf({ name, gone }: Known, task: Task | undefined, replacement: Task | undefined): SlotProgress {
  if (gone || task === undefined) return { name, state: "gone", problem: undefined, done: true };
  if (!isWanted(task)) return { name, state: "stopping", problem: undefined, done: false };
  const problem = replacement === undefined ? undefined : problemOf(replacement);
  return { name, state: task.Status.State, problem, done: false };
}

/** How the replacement stands that is waited for. */
export const problemOf = ({ Status }: Task): string =>
  `its replacement is ${Status.State}: ${Status.Err || Status.Message}`;
