import type { Millis, NodeId } from "@murmur/base";
import { isDesiredLater, type DesiredState, type Service, type Task, type UpdateStatus } from "@murmur/model";
import type { View } from "@murmur/store";
import {
  COMMANDS_MAX,
  type OrchestratorCommand,
  type ReconcileOptions,
  type Reconciliation,
} from "./reconciliation.ts";
import type { QuietSlots } from "./quiet-slots.ts";
import { newTask, taskPattern, type TaskPattern } from "./new-task.ts";
import { Reliefs } from "./reliefs.ts";

/** A command before its time is set. */
type Untimed<C> = C extends unknown ? Omit<C, "now"> : never;

/** One run of a reconciler for one service: what it reads, and what it has decided so far. */
export class Round {
  readonly view: View;
  readonly service: Service;
  readonly now: Millis;
  /** What a task of this service is brought to: jobs end by themselves. */
  readonly runState: "running" | "complete";
  readonly #options: ReconcileOptions;
  readonly #commands: OrchestratorCommand[] = [];
  #wakeAt: Millis | undefined;
  #wakes = 0;
  #ended = false;
  /** Undefined until a task is made. */
  #pattern: TaskPattern | undefined;
  /** How many tasks may still be relieved in the cluster. */
  readonly reliefs: Reliefs;
  /** About how many tasks were looked at. */
  looks = 0;

  constructor(view: View, service: Service, options: ReconcileOptions) {
    this.view = view;
    this.service = service;
    this.now = options.now;
    this.#options = options;
    this.reliefs = options.reliefs ?? new Reliefs(view, options.now);
    const { kind } = service.spec.mode;
    this.runState = kind === "replicated-job" || kind === "global-job" ? "complete" : "running";
  }

  get isJob(): boolean {
    return this.runState === "complete";
  }

  /** Whether no further slot is to be taken up in this round. */
  get full(): boolean {
    return this.#ended || this.#commands.length >= (this.#options.commandsMax ?? COMMANDS_MAX);
  }

  /** How many commands may still be made; at least one, however many there are. */
  get room(): number {
    return Math.max(1, (this.#options.commandsMax ?? COMMANDS_MAX) - this.#commands.length);
  }

  /** The last command changes what all else depends on: the rest is decided in the next round. */
  end(): void {
    this.#ended = true;
  }

  /** Whether a task is made from the service as it is now; for a job: whether it belongs to the present run. */
  isCurrent(task: Task): boolean {
    if (this.isJob) return task.jobIteration === this.service.jobIteration?.index;
    return task.specVersion === this.service.specVersion;
  }

  push(command: Untimed<OrchestratorCommand>): void {
    this.#commands.push({ ...command, now: this.now });
  }

  /** Tasks of the service in the order in which they are given up, group after group; oldest first in each of them. */
  leastMissed(groups: readonly (readonly Task[])[]): readonly Task[] {
    return this.#options.leastMissed?.(groups) ?? groups.flatMap((group) => group.toReversed());
  }

  /** How many slots an update replaces at the same time, where it is said to replace so many; 0: all. */
  atOnce(parallelism: number): number {
    return parallelism === 0 ? 0 : Math.max(parallelism, this.#options.atOnceMin ?? 0);
  }

  /** What former rounds found. */
  get quiet(): QuietSlots | undefined {
    return this.#options.quiet;
  }

  /** Grows with everything that is decided, and with every later look that is asked for. */
  get stirs(): number {
    return this.#commands.length + this.#wakes;
  }

  /** Asks for another round at a moment that lies ahead. */
  wake(at: Millis): void {
    this.#wakes += 1;
    if (at > this.now && (this.#wakeAt === undefined || at < this.#wakeAt)) this.#wakeAt = at;
  }

  /** Desired state never goes back, so asking for less than what is already asked does nothing. */
  setDesired(task: Task, desired: DesiredState): void {
    if (isDesiredLater(desired, task.desiredState)) this.push({ kind: "setDesiredState", id: task.id, desired });
  }

  setUpdateStatus(status: UpdateStatus): void {
    const { id, specVersion } = this.service;
    this.push({ kind: "setUpdateStatus", id, specVersion, status });
  }

  createTask(slot: number | NodeId, start: { desired: DesiredState; notBefore?: Millis }): void {
    this.#pattern ??= taskPattern(this.view, this.service, this.now);
    const task = newTask(this.#pattern, { id: this.#options.newTaskId(), slot, ...start });
    this.#commands.push({ kind: "createTask", task, now: this.now });
  }

  removeTask(task: Task): void {
    this.push({ kind: "removeTask", id: task.id });
  }

  result(): Reconciliation {
    const wakeAt = this.full ? this.now : this.#wakeAt;
    return { commands: this.#commands, looks: this.looks, ...(wakeAt === undefined ? {} : { wakeAt }) };
  }
}
