import type { Millis, NodeId } from "@murmur/base";
import { isDesiredLater, type DesiredState, type Service, type Task, type UpdateStatus } from "@murmur/model";
import type { View } from "@murmur/store";
import {
  COMMANDS_MAX,
  type OrchestratorCommand,
  type ReconcileOptions,
  type Reconciliation,
} from "./reconciliation.ts";
import { newTask } from "./new-task.ts";

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
  #ended = false;

  constructor(view: View, service: Service, options: ReconcileOptions) {
    this.view = view;
    this.service = service;
    this.now = options.now;
    this.#options = options;
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

  /** Asks for another round at a moment that lies ahead. */
  wake(at: Millis): void {
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
    this.push({ kind: "createTask", task: newTask(this, { ...start, id: this.#options.newTaskId(), slot }) });
  }

  removeTask(task: Task): void {
    this.push({ kind: "removeTask", id: task.id });
  }

  result(): Reconciliation {
    const wakeAt = this.full ? this.now : this.#wakeAt;
    return { commands: this.#commands, ...(wakeAt === undefined ? {} : { wakeAt }) };
  }
}
