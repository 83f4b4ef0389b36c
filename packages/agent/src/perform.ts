import { codeOf, messageOf, sleep, unreachable, type Millis } from "@murmur/base";
import { taskName, unpermitted, type Task, type TaskId } from "@murmur/model";
import type { DriverContext } from "./driver-context.ts";
import { localImage } from "./image.ts";
import { taskOf } from "./labels.ts";
import type { ContainerFacts, ImageFacts, NetworkFacts, Observation, Step, StopFacts } from "./next-step.ts";
import type { Abortable, Container, ContainerRequest, Runtime } from "./ports.ts";
import { renderTask } from "./render-task.ts";
import { withTimeLimit } from "./time-limit.ts";

/** The steps that leave the process. */
export type Act = Exclude<Step, { kind: "none" | "wait" | "observe" | "detach" | "forget" }>;

/** Whom a step is done for. */
export interface Subject {
  readonly id: TaskId;
  readonly wanted: Task | undefined;
  readonly containerId: string | undefined;
  readonly image: ImageFacts;
  readonly network: NetworkFacts;
  /** Steps of this task that have failed in a row. */
  readonly failures: number;
}

/** What doing a step has shown; only what is given has changed. */
export interface Learned {
  readonly container?: ContainerFacts;
  readonly image?: ImageFacts;
  readonly network?: NetworkFacts;
  readonly stop?: StopFacts;
  readonly withdrawn?: true;
  readonly saved?: true;
  readonly observation?: Observation;
}

/** How long a task that stops waits at the most for the other nodes to stop sending to it. */
const WITHDRAWAL_WAIT_MS: Millis = 1_000;
/** Likewise where the other nodes have programs change their kernel, with all their processors busy perhaps. */
const OVERLAY_WITHDRAWAL_WAIT_MS: Millis = 3_000;
/**
 * In the overlay a connection that was just begun is nobody's but the task's: no proxy is there to try another one. So a
 * task goes on for this long after nobody is sent to it any more, and can take it and answer a short request.
 */
const LAST_COMERS_MS: Millis = 200;
/** A name taken by a container that can't be found: the engine gets this many chances to sort itself out. */
const CONFLICTS_MAX = 10;
/** Likewise for an address that is taken: the container that had it before may be going. */
const ADDRESS_CONFLICTS_MAX = 10;
/**
 * Attempts to make a network (about 75 s) while containers hold another one of its name: those of what this host was before it
 * was wiped and joined anew, which are being removed. That is no failure of the task, and its next one wouldn't fare better.
 */
const NETWORK_CONFLICTS_MAX = 20;
/** How long one attempt may take to have the task's networks made, and to connect it. */
const PREPARE_LIMIT_MS: Millis = 60_000;
const ATTACH_LIMIT_MS: Millis = 10_000;
/** How long this node's disk may take to have it that a task starts. */
const SAVE_LIMIT_MS: Millis = 10_000;
/** Who hasn't answered then. */
const OVERLAY = "this node's overlay";

const UNKNOWN: Learned = { container: { kind: "unknown" } };
const ABSENT: Learned = { container: { kind: "absent" } };

/**
 * Does one step. An answer of the engine that settles the matter is returned as what was learned; everything else is
 * thrown, and means: look at the container again, wait a little, decide anew.
 */
export async function perform(
  act: Act,
  subject: Subject,
  context: DriverContext,
  signal: AbortSignal,
): Promise<Learned> {
  const { engine, clock } = context;
  switch (act.kind) {
    case "inspect":
      return { container: await find(subject, context, { signal }) };
    case "pull":
      return pull(subject, context, { signal });
    case "prepare":
      return prepare(subject, context, { signal });
    case "create":
      return create(subject, context, { signal });
    case "save":
      return save(context, { signal });
    case "start":
      return start(act.containerId, subject, { ...context, signal });
    case "attach":
      return attach(act.container, subject, { ...context, signal });
    case "withdraw":
      return withdraw(subject.id, context, { signal });
    case "signal": {
      const { cause, error: why } = act;
      const stop = (graceMs: Millis): Learned => ({
        stop: { cause, ...(why !== undefined && { error: why }), nextSignalAt: clock.monotonic() + graceMs },
      });
      try {
        await engine.kill(act.containerId, act.signalName, { signal });
      } catch (error) {
        // A stop signal that the engine doesn't know must not keep the container alive.
        if (codeOf(error) === "invalid_argument") return stop(0);
        throw error;
      }
      return stop(act.graceMs);
    }
    case "remove":
      await engine.remove(act.containerId, { signal }).catch(unlessGone);
      return ABSENT;
    default:
      return unreachable(act);
  }
}

/** The task's container as the engine has it: by its id where that is known, else by its name. */
async function find(subject: Subject, context: DriverContext, options: Abortable): Promise<ContainerFacts> {
  const handle = subject.containerId ?? (subject.wanted && taskName(subject.wanted));
  if (handle === undefined) return { kind: "absent" };
  try {
    const container = await context.engine.inspect(handle, options);
    if (taskOf(container) === subject.id) return { kind: "present", container };
  } catch (error) {
    unlessGone(error);
  }
  return { kind: "absent" };
}

async function pull({ wanted }: Subject, context: DriverContext, options: Abortable): Promise<Learned> {
  if (wanted === undefined) return {};
  const { engine, payloads, log } = context;
  const { image } = wanted.spec.container;
  const login = payloads.login(wanted.serviceId);
  try {
    await engine.pull(image, { ...options, ...(login !== undefined && login !== "" && { login }) });
    return { image: { kind: "pulled" } };
  } catch (error) {
    if (codeOf(error) === "unavailable" || options.signal.aborted) throw error;
    log.warn("image could not be pulled", { task: wanted.id, image, error: messageOf(error) });
    return { image: { kind: "unpullable", error: messageOf(error) } };
  }
}

/** What settles nothing is thrown: the engine doesn't answer, or this node hasn't been told of a network yet. */
async function prepare({ wanted, failures }: Subject, context: DriverContext, { signal }: Abortable): Promise<Learned> {
  const { networks, clock } = context;
  if (wanted === undefined || networks === undefined) return {};
  const limit = { clock, limitMs: PREPARE_LIMIT_MS, who: OVERLAY, signal };
  try {
    const prepared = await withTimeLimit(limit, (options) => networks.prepare(wanted, options));
    return { network: { kind: "prepared", networks: prepared } };
  } catch (error) {
    const code = codeOf(error);
    if (code === "unavailable" || signal.aborted) throw error;
    if (code === "in_use" && failures < NETWORK_CONFLICTS_MAX) throw error;
    return refused("preparing", messageOf(error));
  }
}

/** Makes the container, or finds that it was made already: the engine gives a name to one container only. */
async function create(subject: Subject, context: DriverContext, options: Abortable): Promise<Learned> {
  const { wanted: task, image, network } = subject;
  if (task === undefined) return UNKNOWN;
  // Whatever a manager says: what is root on this host is granted on this host.
  const unpermittedHere = unpermitted(task.spec.container, context.node.permits);
  if (unpermittedHere.length > 0) return refused("preparing", notPermitted(unpermittedHere));
  const wish = task.spec.container.image;
  try {
    const rendered = await render(task, context, options);
    if ("problem" in rendered) return refused("preparing", rendered.problem);
    const request = {
      ...rendered,
      node: context.node,
      image: image.kind === "unpullable" ? localImage(wish) : wish,
      ...(network.kind === "prepared" && { networks: network.networks }),
    };
    const id = await context.engine.create(request, options);
    return { container: { kind: "present", container: created(id, task) } };
  } catch (error) {
    const code = codeOf(error);
    if (code === "unavailable" || options.signal.aborted) throw error;
    if (code === "name_conflict") {
      return adopt(subject, taskName(task), { engine: context.engine, options, conflict: error });
    }
    if (code !== "not_found") return refused("preparing", messageOf(error));
    if (image.kind === "untried") return { image: { kind: "missing" } };
    return refused("preparing", image.kind === "unpullable" ? image.error : messageOf(error));
  }
}

/** Expands the task's templates, and puts its secrets and configs where the engine finds them. */
async function render(
  task: Task,
  { files, payloads, templateNode }: DriverContext,
  options: Abortable,
): Promise<Pick<ContainerRequest, "task" | "files"> | { readonly problem: string }> {
  const rendered = renderTask(task, templateNode(), payloads);
  if ("problem" in rendered) return rendered;
  if (rendered.files.length === 0) return { task: rendered.task };
  if (files === undefined) return { problem: "this node can't have secrets and configs" };
  const sources = await files.write(task.id, rendered.files, options);
  return {
    task: rendered.task,
    files: rendered.files.map(({ target }, at) => ({ source: sources[at] ?? "", target })),
  };
}

/** The name is taken: by an earlier attempt of this very task, or by somebody else's container. */
async function adopt(
  { id, failures }: Subject,
  name: string,
  { engine, options, conflict }: { engine: Runtime; options: Abortable; conflict: unknown },
): Promise<Learned> {
  try {
    const container = await engine.inspect(name, options);
    if (taskOf(container) === id) return { container: { kind: "present", container } };
  } catch (error) {
    // An attempt whose answer was lost may still be under way.
    if (codeOf(error) !== "not_found" || failures < CONFLICTS_MAX) throw error;
  }
  return refused("preparing", messageOf(conflict));
}

/** A disk that is full or doesn't answer is no reason for the task to wait here: it may be started on another node. */
async function save({ saved, clock }: DriverContext, { signal }: Abortable): Promise<Learned> {
  try {
    await withTimeLimit({ clock, limitMs: SAVE_LIMIT_MS, who: "its disk", signal }, saved);
    return { saved: true };
  } catch (error) {
    if (signal.aborted) throw error;
    return refused("starting", `this node could not save that it starts the task: ${messageOf(error)}`);
  }
}

async function start(
  containerId: string,
  { wanted, failures }: Subject,
  { signal, ...context }: DriverContext & Abortable,
): Promise<Learned> {
  const { engine } = context;
  try {
    // Where it was made a while ago, the host may have lost its memory since, and the files with it.
    const rendered = wanted && (await render(wanted, context, { signal }));
    if (rendered !== undefined && "problem" in rendered) return refused("starting", rendered.problem);
    await engine.start(containerId, { signal });
    return UNKNOWN;
  } catch (error) {
    const code = codeOf(error);
    if (code === "unavailable" || signal.aborted) throw error;
    if (code === "in_use" && failures < ADDRESS_CONFLICTS_MAX) throw error;
    // The container itself may be what wasn't found.
    if (code === "not_found") await engine.inspect(containerId, { signal });
    const text = `starting container failed: ${messageOf(error)}`;
    if (code === "internal") return { observation: { state: "failed", message: "starting", error: text } };
    return refused("starting", text);
  }
}

async function attach(
  container: Container,
  { wanted }: Subject,
  { networks, clock, signal }: DriverContext & Abortable,
): Promise<Learned> {
  if (wanted === undefined || networks === undefined) return {};
  const limit = { clock, limitMs: ATTACH_LIMIT_MS, who: OVERLAY, signal };
  await withTimeLimit(limit, (options) => networks.attach(wanted, container, options));
  return { network: { kind: "attached", process: container } };
}

async function withdraw(id: TaskId, context: DriverContext, { signal }: Abortable): Promise<Learned> {
  const { withdrawals, networks, clock, log } = context;
  withdrawals.publish(id);
  const limitMs = networks === undefined ? WITHDRAWAL_WAIT_MS : OVERLAY_WITHDRAWAL_WAIT_MS;
  const limit = { clock, limitMs, who: "some node", signal };
  try {
    await withTimeLimit(limit, (options) => withdrawals.acknowledged(id, options));
  } catch (error) {
    if (signal.aborted) throw error;
    log.debug("task stops without every node's word", { task: id, reason: messageOf(error) });
  }
  if (networks !== undefined) await sleep(clock, LAST_COMERS_MS, signal);
  return { withdrawn: true };
}

const notPermitted = (what: readonly string[]): string =>
  `this node doesn't permit ${what.join(", ")}: its administrator does with murmur daemon --allow-device or --allow-privileged`;

const refused = (message: string, error: string): Learned => ({ observation: { state: "rejected", message, error } });

function unlessGone(error: unknown): void {
  if (codeOf(error) !== "not_found") throw error;
}

/** A container that was just made, without asking the engine for what is plain. */
const created = (id: string, task: Task): Container => ({
  id,
  name: taskName(task),
  labels: {},
  state: "created",
  health: "none",
  pid: 0,
  exitCode: 0,
  error: "",
  oomKilled: false,
  ports: [],
});
