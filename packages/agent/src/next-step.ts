import { unreachable, type ErrorCode, type Millis } from "@murmur/base";
import { DEFAULT_STOP_GRACE_MS, isLater, isTerminal, type Task, type TaskState, type TaskStatus } from "@murmur/model";
import type { Container, ContainerNetworks } from "./ports.ts";

/** What is known of a task's container: `unknown` until the engine was asked, and again after it changed. */
export type ContainerFacts =
  | { readonly kind: "unknown" }
  | { readonly kind: "absent" }
  | { readonly kind: "present"; readonly container: Container };

/** How far the image is: not tried, not on this node, pulled, or not to be had (then the local one is tried). */
export type ImageFacts =
  | { readonly kind: "untried" }
  | { readonly kind: "missing" }
  | { readonly kind: "pulled" }
  | { readonly kind: "unpullable"; readonly error: string };

/**
 * How far the task is connected to its networks. One process is attached at a time: it is detached before another is
 * attached, also when the attempt failed, as it may have had a part of its effect.
 */
export type NetworkFacts =
  /** The engine's own network is enough. */
  | { readonly kind: "unneeded" }
  | { readonly kind: "none"; readonly failure?: NetworkFailure }
  | { readonly kind: "prepared"; readonly networks: ContainerNetworks }
  /** Tried for this process, the first time at `since`; `failure` is why the last attempt wasn't enough. */
  | {
      readonly kind: "attaching";
      readonly process: Process;
      readonly since: Millis;
      readonly failure?: NetworkFailure;
    }
  | { readonly kind: "attached"; readonly process: Process };

export interface NetworkFailure {
  readonly code: ErrorCode;
  readonly text: string;
}

/** One run of a container: a container that is started anew has another process and another network namespace. */
type Process = Pick<Container, "id" | "pid" | "netns">;

/** A stop in progress. */
export interface StopFacts {
  readonly cause: "unwanted" | "unhealthy" | "unattached" | "withdrawn";
  /** Why it was not attached. */
  readonly error?: string;
  /** When the next signal is due, on the monotonic clock: the first one is the stop signal, all others SIGKILL. */
  readonly nextSignalAt: Millis;
}

/** All that decides what a task needs next. */
export interface TaskFacts {
  /** Undefined: the manager doesn't know this task, so its container must go. */
  readonly wanted: Task | undefined;
  /** What was last observed, and reported or about to be. */
  readonly status: TaskStatus;
  readonly container: ContainerFacts;
  readonly image: ImageFacts;
  readonly network: NetworkFacts;
  /** A secret or config that isn't here yet, for people; undefined: all that it uses is. */
  readonly waitsFor: string | undefined;
  /** The login to the image's registry isn't here yet, for people; only a pull waits for it. */
  readonly loginMissing: string | undefined;
  /** The task isn't started before this moment of the monotonic clock. */
  readonly startAfter: Millis;
  readonly withdrawn: boolean;
  /** Whether this node knows after a crash, too, that the container may have run. */
  readonly saved: boolean;
  /** Whether the container was started in this run of the process: of any other it isn't known what was reported of it. */
  readonly startedHere: boolean;
  readonly stop: StopFacts | undefined;
  /** What nobody wants ends at once: its node is out of the cluster. */
  readonly atOnce: boolean;
  /** Where the container's ports are reached while it runs; undefined where tasks have addresses of their own. */
  readonly address: string | undefined;
}

/** What an observation adds to the status; times, address and container id are the worker's to add. */
export type Observation = Pick<TaskStatus, "state" | "message"> &
  Partial<Pick<TaskStatus, "error" | "exitCode" | "health">>;

export type Step =
  /** Nothing until something changes. */
  | { readonly kind: "none" }
  /** Decide again at this moment of the monotonic clock. */
  | { readonly kind: "wait"; readonly until: Millis }
  | { readonly kind: "observe"; readonly observation: Observation }
  | { readonly kind: "inspect" }
  | { readonly kind: "pull" }
  /** Have the task's networks ready for its container. */
  | { readonly kind: "prepare" }
  | { readonly kind: "create" }
  /** Have it durable that the task is starting. */
  | { readonly kind: "save" }
  | { readonly kind: "start"; readonly containerId: string }
  /** Connect the process to the task's networks. */
  | { readonly kind: "attach"; readonly container: Container }
  /** The process that was attached is gone. */
  | { readonly kind: "detach" }
  /** Take the task's endpoint away everywhere, before it is stopped. */
  | { readonly kind: "withdraw" }
  | {
      readonly kind: "signal";
      readonly containerId: string;
      readonly signalName: string;
      readonly cause: StopFacts["cause"];
      readonly error?: string;
      /** Time that the process has before the next signal. */
      readonly graceMs: Millis;
    }
  | { readonly kind: "remove"; readonly containerId: string }
  /** Nothing is left of the task. */
  | { readonly kind: "forget" };

/** After SIGKILL a process is gone; one that isn't (a frozen cgroup, a lost signal) is killed again after this time. */
const KILL_AGAIN_MS = 10_000;

/**
 * A process that can't be attached within this time fails its task. Not while nobody answers at all (`unavailable`) and
 * the task was reported running before: it may well be reached.
 */
const ATTACH_LIMIT_MS = 60_000;

/**
 * Decides the one thing that a task needs next. Pure: the worker calls it after every change, does the step, and asks
 * again, until the answer is `none` or `wait`. `now` is monotonic.
 *
 * Invariants: a container is made only when the engine was asked and has none, and never for a task that has started,
 * also before a crash of this node: none is started before that would be known after it. A process is never reported
 * running before it was attached, and stays attached for as long as there is one. What was withdrawn ends.
 */
export function nextStep(facts: TaskFacts, now: Millis): Step {
  const { wanted, status, container } = facts;
  if (container.kind === "unknown") return { kind: "inspect" };
  if (isLeftBehind(facts)) return { kind: "detach" };
  if (wanted === undefined) return discard(facts, now);
  if (isTerminal(status.state)) return rest(facts, wanted, now);
  switch (wanted.desiredState) {
    case "shutdown":
    case "remove":
      return shutDown(facts, now);
    case "ready":
    case "running":
    case "complete":
      break;
    default:
      return unreachable(wanted.desiredState);
  }
  if (!isLater(status.state, "assigned")) return observe("accepted", "accepted");
  if (status.state === "accepted") return observe("preparing", "preparing");
  return container.kind === "absent" ? make(facts) : bringUp(facts, wanted, container.container, now);
}

/** Nobody wants it: stop, remove, forget. The engine kills what it removes. */
function discard(facts: TaskFacts, now: Millis): Step {
  if (facts.container.kind !== "present") return { kind: "forget" };
  const { container } = facts.container;
  if (isLive(container) && !facts.atOnce) return stop(facts, container, { cause: "unwanted", now });
  return container.state === "removing" ? { kind: "none" } : { kind: "remove", containerId: container.id };
}

/** It has ended. The stopped container stays for its logs as long as the manager keeps the record. */
function rest(facts: TaskFacts, wanted: Task, now: Millis): Step {
  if (facts.container.kind !== "present") return { kind: "none" };
  const { container } = facts.container;
  if (isLive(container)) return stop(facts, container, { cause: "unwanted", now });
  if (wanted.desiredState !== "remove" || container.state === "removing") return { kind: "none" };
  return { kind: "remove", containerId: container.id };
}

function shutDown(facts: TaskFacts, now: Millis): Step {
  if (facts.container.kind !== "present") return observe("shutdown", "shutdown");
  const { container } = facts.container;
  if (isLive(container)) return stop(facts, container, { cause: "unwanted", now });
  if (container.state === "created" || facts.stop?.cause === "unwanted") {
    return { kind: "observe", observation: { state: "shutdown", message: "shutdown", ...exitOf(container) } };
  }
  return { kind: "observe", observation: ended(facts, container) };
}

function make(facts: TaskFacts): Step {
  if (isLater(facts.status.state, "ready")) {
    return observe("failed", facts.status.message, "task: the container was removed by someone else");
  }
  const waits = whyNotHere(facts);
  if (waits !== undefined) return waits;
  if (facts.image.kind === "missing") {
    if (facts.loginMissing === undefined) return { kind: "pull" };
    return whyItWaits(facts, { code: "unavailable", text: facts.loginMissing }) ?? { kind: "none" };
  }
  if (facts.network.kind !== "none") return { kind: "create" };
  return whyItWaits(facts, facts.network.failure) ?? { kind: "prepare" };
}

function bringUp(facts: TaskFacts, wanted: Task, container: Container, now: Millis): Step {
  const { state } = facts.status;
  if (container.state === "created") {
    if (container.incomplete) return { kind: "remove", containerId: container.id };
    if (state === "running") {
      return observe("failed", facts.status.message, "task: the container was replaced by someone else");
    }
    if (!isLater(state, "preparing")) return observe("ready", "prepared");
    if (wanted.desiredState === "ready") return { kind: "none" };
    if (now < facts.startAfter) return { kind: "wait", until: facts.startAfter };
    if (state === "ready") return observe("starting", "starting");
    return whyNotHere(facts) ?? (facts.saved ? { kind: "start", containerId: container.id } : { kind: "save" });
  }
  if (!isLive(container)) return { kind: "observe", observation: ended(facts, container) };
  const reachable = facts.network.kind === "unneeded" || facts.network.kind === "attached";
  if (state === "running" && reachable) {
    const change = changeOf(facts, container);
    if (change !== undefined) return { kind: "observe", observation: change };
  }
  const cause = facts.stop?.cause ?? whyItStops(facts, container);
  if (cause !== undefined) return stop(facts, container, { cause, now });
  if (!isLater(state, "ready")) return observe("starting", "starting");
  if (!reachable) return attach(facts, container, now);
  if (state === "running" || container.health === "starting") return { kind: "none" };
  return { kind: "observe", observation: alive(facts, container) };
}

/** Nobody sends to a task that was withdrawn, however well it does since: its container was started again by hand. */
function whyItStops({ withdrawn, network }: TaskFacts, container: Container): StopFacts["cause"] | undefined {
  if (container.state === "running" && container.health === "unhealthy") return "unhealthy";
  // `attach` has reasons of its own.
  return withdrawn && network.kind !== "attaching" ? "withdrawn" : undefined;
}

/** Whether something was attached that isn't this container's process, or not any more. */
function isLeftBehind({ network, container }: TaskFacts): boolean {
  if (network.kind !== "attaching" && network.kind !== "attached") return false;
  return container.kind !== "present" || !isLive(container.container) || !isSame(network.process, container.container);
}

function attach(facts: TaskFacts, container: Container, now: Millis): Step {
  if (container.pid === 0) return { kind: "none" }; // between two processes
  if (facts.network.kind !== "attaching") return { kind: "attach", container };
  const { since, failure } = facts.network;
  const isSettled = failure !== undefined && (failure.code !== "unavailable" || facts.status.state !== "running");
  if (isSettled && now - since >= ATTACH_LIMIT_MS) {
    const error = `task: could not be connected to its networks: ${failure.text}`;
    return stop(facts, container, { cause: "unattached", error, now });
  }
  return whyItWaits(facts, failure) ?? { kind: "attach", container };
}

/** What to do while secrets or configs of the task are missing; undefined when all are here. */
function whyNotHere(facts: TaskFacts): Step | undefined {
  if (facts.waitsFor === undefined) return undefined;
  return whyItWaits(facts, { code: "unavailable", text: facts.waitsFor }) ?? { kind: "none" };
}

/** Tells a task's users why it does not run yet; undefined when that is told. */
function whyItWaits({ status }: TaskFacts, failure: NetworkFailure | undefined): Step | undefined {
  if (failure === undefined || status.state === "running" || status.error === failure.text) return undefined;
  return observe(status.state, status.message, failure.text);
}

/**
 * What is new of a running container. A paused one answers nobody, so it counts as unhealthy meanwhile. Its address
 * changes when its node came back at another one.
 */
function changeOf(facts: TaskFacts, container: Container): Observation | undefined {
  const { status } = facts;
  const change = alive(facts, container);
  const same =
    status.health === change.health &&
    status.message === change.message &&
    status.error === change.error &&
    status.containerId === container.id &&
    status.pid === container.pid &&
    status.address === facts.address;
  return same ? undefined : change;
}

function alive({ image, status }: TaskFacts, container: Container): Observation {
  const error = image.kind === "unpullable" ? `${LOCAL_IMAGE}${image.error}` : status.error;
  // Known to the process that made the container; one after it repeats what it was told.
  const isLocal = error?.startsWith(LOCAL_IMAGE) === true;
  const local = isLocal ? { error } : {};
  if (container.state !== "running") {
    return { state: "running", message: container.state, health: "unhealthy", ...local };
  }
  return {
    state: "running",
    message: isLocal ? "started with the local image" : "started",
    health: container.health,
    ...local,
  };
}

/** How it is said, for as long as a task runs, that it may not run what its registry has. */
const LOCAL_IMAGE = "runs the image that the node has, pull failed: ";

function stop(
  facts: TaskFacts,
  container: Container,
  { cause, error, now }: { cause: StopFacts["cause"]; error?: string; now: Millis },
): Step {
  const served = facts.wanted === undefined || isLater(facts.status.state, "starting") || !facts.startedHere;
  if (served && !facts.withdrawn) return { kind: "withdraw" };
  const containerId = container.id;
  if (facts.stop === undefined) {
    const spec = facts.wanted?.spec.container;
    const signalName = spec?.stopSignal ?? container.stopSignal ?? "SIGTERM";
    const graceMs = spec?.stopGracePeriodMs ?? DEFAULT_STOP_GRACE_MS;
    return { kind: "signal", containerId, signalName, cause, ...(error !== undefined && { error }), graceMs };
  }
  if (now < facts.stop.nextSignalAt) return { kind: "wait", until: facts.stop.nextSignalAt };
  return { ...facts.stop, kind: "signal", containerId, signalName: "SIGKILL", graceMs: KILL_AGAIN_MS };
}

/** What the end of a container means, in Docker's words. */
function ended(facts: TaskFacts, container: Container): Observation {
  const exit = exitOf(container);
  // Not the container's own word: the engine calls every ended container with a health check unhealthy.
  if (facts.stop?.cause === "unhealthy") {
    // Docker's words, by which its clients know the cause.
    const error = `task: non-zero exit (${String(container.exitCode)}): dockerexec: unhealthy container`;
    return { state: "failed", message: "started", error, ...exit };
  }
  if (facts.stop?.cause === "withdrawn") {
    return { state: "failed", message: "started", error: "task: started again after its end was told", ...exit };
  }
  if (facts.stop?.cause === "unattached") {
    return { state: "failed", message: "started", error: facts.stop.error ?? "task: not connected", ...exit };
  }
  if (container.exitCode === 0 && container.error === "") return { state: "complete", message: "finished", ...exit };
  const cause = container.oomKilled ? "out of memory" : container.error;
  const error = `task: non-zero exit (${String(container.exitCode)})${cause === "" ? "" : `: ${cause}`}`;
  return { state: "failed", message: "started", error, ...exit };
}

const exitOf = (container: Container): Pick<Observation, "exitCode"> =>
  container.state === "created" ? {} : { exitCode: container.exitCode };

/** Whether there may be a process in it. */
const isLive = (container: Container): boolean =>
  container.state === "running" || container.state === "paused" || container.state === "restarting";

const isSame = (one: Process, other: Process): boolean =>
  one.id === other.id && one.pid === other.pid && one.netns === other.netns;

const observe = (state: TaskState, message: string, error?: string): Step => ({
  kind: "observe",
  observation: { state, message, ...(error !== undefined && { error }) },
});
