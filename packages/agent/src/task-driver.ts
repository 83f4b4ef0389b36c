import { codeOf, messageOf, unreachable, type Millis, type Timer } from "@murmur/base";
import {
  isLater,
  isTerminal,
  nodeNetworkOf,
  payloadsOf,
  wantsToRun,
  type Task,
  type TaskId,
  type TaskStatus,
} from "@murmur/model";
import { backoff } from "./backoff.ts";
import type { DriverContext } from "./driver-context.ts";
import { addressOf } from "./labels.ts";
import {
  nextStep,
  type ContainerFacts,
  type ImageFacts,
  type NetworkFacts,
  type NetworkFailure,
  type Observation,
  type StopFacts,
  type TaskFacts,
} from "./next-step.ts";
import { perform, type Act, type Learned } from "./perform.ts";
import type { ContainerSummary } from "./ports.ts";
import { observed } from "./task-status.ts";

export interface DriverStart {
  readonly id: TaskId;
  readonly wanted: Task | undefined;
  readonly status: TaskStatus;
  readonly container: ContainerFacts;
  /** The container's id where it is known already. */
  readonly containerId?: string;
  /** Nobody is to be told that traffic must leave. */
  readonly withdrawn?: boolean;
  /** Called once, when nothing is left of it: neither wish nor container. */
  readonly onGone: () => void;
}

const RETRY = { firstMs: 100, mostMs: 5_000 };
/** Only a task needs them that is to run: they are given up when it isn't any more. */
const MAY_TAKE_LONG: ReadonlySet<Act["kind"]> = new Set(["pull", "prepare", "save", "attach"]);

/**
 * Brings one task's container to where the task wants it, one step at a time: decide (`nextStep`), do it (`perform`),
 * decide again. Never two steps at once. All that it knows it can learn again from the engine.
 */
export class TaskDriver {
  readonly id: TaskId;
  readonly #context: DriverContext;
  readonly #onGone: () => void;
  #wanted: Task | undefined;
  #status: TaskStatus;
  #container: ContainerFacts;
  #containerId: string | undefined;
  /** Raised whenever the container may have changed: an inspection that began before that tells nothing. */
  #generation = 0;
  #image: ImageFacts = { kind: "untried" };
  #network: NetworkFacts;
  #startAfter: Millis;
  #withdrawn: boolean;
  #saved = false;
  #startedHere = false;
  #stop: StopFacts | undefined;
  /** Failed steps in a row, and the end of the pause after the last one, on the monotonic clock. */
  #failures = 0;
  #retryAt: Millis = 0;
  /** The last step that was done and was no inspection. */
  #done: Act["kind"] | undefined;
  /** Ends the step under way if it is one of those. */
  #bringingUp: AbortController | undefined;
  #driving = false;
  #again = false;
  #gone = false;
  #wake: { readonly at: Millis; readonly timer: Timer } | undefined;

  constructor(context: DriverContext, start: DriverStart) {
    this.id = start.id;
    this.#context = context;
    this.#onGone = start.onGone;
    this.#wanted = start.wanted;
    this.#status = start.status;
    this.#container = start.container;
    this.#containerId = start.containerId;
    this.#network = context.networks === undefined ? { kind: "unneeded" } : { kind: "none" };
    this.#withdrawn = start.withdrawn ?? false;
    this.#startAfter = context.clock.monotonic() + (start.wanted === undefined ? 0 : delayOf(start.wanted));
  }

  get status(): TaskStatus {
    return this.#status;
  }
  get wanted(): Task | undefined {
    return this.#wanted;
  }
  get containerId(): string | undefined {
    return this.#containerId;
  }

  /** Takes in what the manager wants now; undefined: it doesn't know the task any more. */
  want(task: Task | undefined): void {
    this.#wanted = task;
    if (task === undefined || !wantsToRun(task.desiredState)) {
      this.#bringingUp?.abort(new Error("the task is not wanted any more"));
    }
    if (task !== undefined) {
      this.#startAfter = Math.min(this.#startAfter, this.#context.clock.monotonic() + delayOf(task));
      // The manager gave the task up (orphaned) while this node was cut off, or this node has lost its own memory.
      if (isLater(task.status.state, this.#status.state)) this.#status = task.status;
    }
    this.kick();
  }

  /** The container may have changed: it is looked at again. */
  changed(containerId?: string): void {
    this.#containerId ??= containerId;
    this.#generation += 1;
    this.#container = { kind: "unknown" };
    this.kick();
  }

  /**
   * The engine says that this container's process has ended. Traffic leaves it at once: the engine answers an inspection
   * only when it has cleaned up after it, 0.1 to 0.5 s later.
   */
  died(containerId: string): void {
    if (containerId === this.#containerId && this.#status.state === "running") this.#takeTrafficAway();
    this.changed(containerId);
  }

  /** Takes in this container's line of a list, undefined if it has none. What doesn't fit is looked at again. */
  listed(line: ContainerSummary | undefined): void {
    const known = this.#container.kind === "present" ? this.#container.container : undefined;
    const same = known?.id === line?.id && known?.state === line?.state && known?.health === line?.health;
    const sameRun = known?.run === line?.run;
    if (same && sameRun && this.#container.kind !== "unknown") this.kick();
    else this.changed(line?.id);
  }

  /** Decides again. */
  kick(): void {
    this.#again = true;
    if (this.#driving || this.#gone || this.#context.scope.closed) return;
    this.#driving = true;
    this.#context.scope.run(`task ${this.id}`, (signal) => this.#drive(signal));
  }

  /** Ends its timer; the container is left as it is. */
  close(): void {
    this.#wake?.timer.cancel();
    this.#wake = undefined;
  }

  async #drive(signal: AbortSignal): Promise<void> {
    try {
      while (this.#again && !signal.aborted && !this.#gone) {
        this.#again = false;
        for (let step = this.#decide(); step !== undefined && !signal.aborted; step = this.#decide()) {
          await this.#take(step, signal);
        }
      }
    } finally {
      this.#driving = false;
    }
  }

  /** The step to take now; undefined when there is none, with a timer set where time will bring one. */
  #decide(): Act | undefined {
    for (;;) {
      if (this.#gone) return undefined;
      const now = this.#context.clock.monotonic();
      const step = nextStep(this.#facts(), now);
      switch (step.kind) {
        case "none":
          return undefined;
        case "wait":
          return this.#wakeAt(step.until);
        case "observe":
          this.#observe(step.observation);
          continue;
        case "detach":
          this.#network = { kind: "none" };
          this.#context.networks?.detach(this.id);
          continue;
        case "forget":
          this.#gone = true;
          // Made ready for a container that never ran.
          if (this.#network.kind === "prepared") this.#context.networks?.detach(this.id);
          this.close();
          this.#context.dropFiles(this.id, "now");
          this.#onGone();
          return undefined;
        case "inspect":
        case "pull":
        case "prepare":
        case "create":
        case "save":
        case "start":
        case "attach":
        case "withdraw":
        case "signal":
        case "remove":
          if (!this.#context.engineReady()) return undefined;
          return now < this.#retryAt ? this.#wakeAt(this.#retryAt) : step;
        default:
          return unreachable(step);
      }
    }
  }

  #facts(): TaskFacts {
    const container = this.#container.kind === "present" ? this.#container.container : undefined;
    return {
      wanted: this.#wanted,
      status: this.#status,
      container: this.#container,
      image: this.#image,
      network: this.#networkFacts(),
      waitsFor: this.#wanted && this.#context.payloads.missing(this.#wanted.spec.container),
      loginMissing: this.#wanted && this.#context.payloads.missingLogin(this.#wanted),
      startAfter: this.#startAfter,
      withdrawn: this.#withdrawn,
      saved: this.#saved,
      startedHere: this.#startedHere,
      stop: this.#stop,
      atOnce: this.#context.atOnce(),
      address: container && addressOf(container, this.#context.node),
    };
  }

  /** A task in its node's own network needs nothing of the cluster's. */
  #networkFacts(): NetworkFacts {
    const isOwn = this.#wanted !== undefined && nodeNetworkOf(this.#wanted.spec) !== undefined;
    return isOwn ? { kind: "unneeded" } : this.#network;
  }

  async #take(act: Act, signal: AbortSignal): Promise<void> {
    const generation = this.#generation;
    if (act.kind === "attach" && this.#network.kind !== "attaching") {
      this.#network = { kind: "attaching", process: act.container, since: this.#context.clock.monotonic() };
    }
    const subject = {
      id: this.id,
      wanted: this.#wanted,
      containerId: this.#containerId,
      image: this.#image,
      network: this.#networkFacts(),
      failures: this.#failures,
    };
    const own = new AbortController();
    const onAbort = (): void => own.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (MAY_TAKE_LONG.has(act.kind)) this.#bringingUp = own;
    if (act.kind === "remove" && this.#context.atOnce()) this.#takeTrafficAway();
    try {
      const learned = await perform(act, subject, this.#context, own.signal);
      if (act.kind !== "inspect") this.#succeed(act);
      this.#learn(learned, this.#generation === generation);
    } catch (error) {
      if (!own.signal.aborted) this.#fail(act, error);
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#bringingUp = undefined;
    }
  }

  /**
   * A step that has to be done twice in a row had no effect, whatever the engine said: it isn't repeated at once. Signals
   * have their own times.
   */
  #succeed(act: Act): void {
    if (this.#done === act.kind && act.kind !== "signal") this.#pause();
    else this.#failures = 0;
    this.#done = act.kind;
    this.#startedHere ||= act.kind === "start";
  }

  #pause(): void {
    const { clock, random } = this.#context;
    this.#retryAt = clock.monotonic() + backoff(this.#failures, random, RETRY);
    this.#failures += 1;
  }

  /** `fresh`: nothing has happened to the container since the step began. */
  #learn(learned: Learned, fresh: boolean): void {
    if (learned.image !== undefined) this.#image = learned.image;
    if (learned.network !== undefined) this.#network = learned.network;
    if (learned.stop !== undefined) this.#stop = learned.stop;
    if (learned.withdrawn) this.#withdrawn = true;
    if (learned.saved) this.#saved = true;
    if (learned.container !== undefined) {
      if (learned.container.kind === "present") this.#containerId = learned.container.container.id;
      this.#container = fresh ? learned.container : { kind: "unknown" };
    }
    // Only a terminal state may come in between: what the manager gave up stays given up.
    if (learned.observation !== undefined && !isTerminal(this.#status.state)) this.#observe(learned.observation);
  }

  #fail(act: Act, error: unknown): void {
    const { log, onUnavailable } = this.#context;
    const code = codeOf(error);
    log.warn("step failed, will be tried again", { task: this.id, step: act.kind, code, error: messageOf(error) });
    this.#pause();
    this.#container = { kind: "unknown" };
    this.#network = afterFailure(this.#network, act, { code, text: messageOf(error) });
    if (code === "unavailable") onUnavailable();
  }

  #observe(observation: Observation): void {
    const { clock, node, onStatus } = this.#context;
    const served = this.#status.state === "running";
    this.#status = observed(this.#status, observation, { now: clock.now(), container: this.#container, node });
    if (served && isTerminal(observation.state)) this.#takeTrafficAway();
    if (isTerminal(observation.state) && this.#hasFiles) this.#context.dropFiles(this.id, "soon");
    onStatus(this.id, this.#status);
  }

  get #hasFiles(): boolean {
    return this.#wanted !== undefined && payloadsOf(this.#wanted.spec.container).length > 0;
  }

  /** Nobody is waited for: there is nothing left to send to. */
  #takeTrafficAway(): void {
    if (this.#withdrawn) return;
    this.#withdrawn = true;
    this.#context.withdrawals.publish(this.id);
  }

  /** One timer a task, the earliest that was asked for; when it fires, all is decided anew. */
  #wakeAt(at: Millis): undefined {
    if (this.#wake !== undefined && this.#wake.at <= at) return;
    this.close();
    const { clock } = this.#context;
    const timer = clock.setTimer(at - clock.monotonic(), () => {
      this.#wake = undefined;
      this.kick();
    });
    this.#wake = { at, timer };
  }
}

function afterFailure(network: NetworkFacts, act: Act, failure: NetworkFailure): NetworkFacts {
  if (act.kind === "prepare") return { kind: "none", failure };
  // The networks may be what the engine hasn't got any more.
  if (act.kind === "create" && network.kind === "prepared") return { kind: "none" };
  return act.kind === "attach" && network.kind === "attaching" ? { ...network, failure } : network;
}

/**
 * What is left of the time that a task is held back, told by the manager's clock alone: this node's may differ. As it
 * counts from the arrival here, the task never starts before its moment.
 */
const delayOf = (task: Task): Millis => Math.max(0, (task.notBefore ?? 0) - task.updatedAt);
