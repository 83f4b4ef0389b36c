import type { Millis } from "@murmur/base";
import {
  isAssigned,
  isRollingBack,
  isUpdating,
  updateConfigOf,
  type Service,
  type Task,
  type UpdateConfig,
  type UpdateState,
  type UpdateStatus,
} from "@murmur/model";
import type { Round } from "./round.ts";
import { fill, shutDown } from "./settle.ts";
import type { Occupied } from "./standing.ts";
import { isStopped, isUp, observedAt } from "./task-facts.ts";

/**
 * How long a task may take to start (mostly: to pull its image) and still be watched afterwards. The moment of its
 * start is not in the replicated state once it has ended, so its whole life is compared with this plus the monitor.
 */
const START_ALLOWANCE_MS: Millis = 5 * 60_000;

/** Slots whose task is replaced now, because it is out of date. */
type Replaced = ReadonlySet<Occupied>;
const NONE: Replaced = new Set();

/**
 * Carries a rolling update one step on. All progress is read from the tasks and `updateStatus`: a slot is on its way
 * from the moment its new task is made until that task is up (or has failed once) and the delay has passed.
 */
export function rollUpdate(round: Round, slots: readonly Occupied[]): Replaced {
  const stale = slots.filter(isStale);
  const status = round.service.updateStatus;
  if (status === undefined || !isUpdating(round.service)) {
    if (stale.length > 0 && !isPaused(round)) begin(round);
    return NONE;
  }
  const config = updateConfigOf(round.service);
  const progress = slots.map((standing) => progressOf(round, standing, { status, config }));
  const failed = progress.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  if (config.failureAction !== "continue" && failed.length > config.maxFailureRatio * slots.length) {
    stop(round, status, failed);
    return NONE;
  }
  if (stale.length === 0) {
    completeWhenWatched(round, { status, config, progress });
    return NONE;
  }
  const onTheirWay = progress.filter(({ underway }) => underway).length;
  const atOnce = round.atOnce(config.parallelism);
  const room = atOnce === 0 ? stale.length : Math.max(0, atOnce - onTheirWay);
  const replaced = new Set<Occupied>();
  for (const standing of stale.sort(byUrgency).slice(0, room)) {
    if (round.full) break;
    replace(round, standing, config);
    replaced.add(standing);
  }
  return replaced;
}

type Stale = Extract<Occupied, { kind: "held" | "spent" }>;

export const isStale = (standing: Occupied): standing is Stale => standing.kind !== "broken" && !standing.current;

/** What does no work is replaced first: nobody misses it. */
const byUrgency = (a: Stale, b: Stale): number =>
  Number(isUp(a.task)) - Number(isUp(b.task)) || (a.slot.key < b.slot.key ? -1 : 1);

function isPaused({ service }: Round): boolean {
  const state = service.updateStatus?.state;
  return state === "paused" || state === "rollback_paused";
}

/**
 * Usually the store has begun the update together with the spec's change. What comes up after a rollback belongs to the
 * rollback, so that its failure never leads back to the spec that was given up.
 */
function begin(round: Round): void {
  const wentBack = round.service.updateStatus?.state === "rollback_completed" || isRollingBack(round.service);
  const state: UpdateState = wentBack ? "rollback_started" : "updating";
  const message = wentBack ? "rollback in progress" : "update in progress";
  round.setUpdateStatus({ state, startedAt: round.now, message });
}

interface Progress {
  /** Counts as one of the slots that are replaced at the same time. */
  readonly underway: boolean;
  /** When the new task came up or failed; undefined while neither has happened. */
  readonly at?: Millis;
  readonly failure?: Task;
}

const NOT_TOUCHED: Progress = { underway: false };

function progressOf(
  round: Round,
  standing: Occupied,
  update: { status: UpdateStatus; config: UpdateConfig },
): Progress {
  const { startedAt } = update.status;
  const { slot } = standing;
  const tried = slot.tasks.filter((task) => round.isCurrent(task) && task.createdAt >= startedAt);
  const failure = tried.find((task) => failedWatched(task, update.config));
  const holder = standing.kind === "held" && standing.current ? standing.task : undefined;
  if (failure === undefined && holder === undefined) return { underway: standing.kind === "broken" };
  const up = holder !== undefined && isUp(holder) ? holder : undefined;
  const settled = failure ?? up;
  if (settled === undefined) {
    // A new task that no node has room for holds up the update only if it took another one's place.
    const isNew = holder !== undefined && tried.includes(holder);
    const took = slot.tasks.some((task) => !round.isCurrent(task));
    return isNew && (isAssigned(holder.status.state) || took) ? { underway: true } : NOT_TOUCHED;
  }
  const at = observedAt(settled);
  const isWaiting = tried.includes(settled) && round.now < at + update.config.delayMs;
  if (isWaiting) round.wake(at + update.config.delayMs);
  return { underway: isWaiting, at, ...(failure === undefined ? {} : { failure }) };
}

/** Whether a task of the update ended while it was watched. One that was stopped or lost is no fault of the spec. */
function failedWatched(task: Task, config: UpdateConfig): boolean {
  const { state } = task.status;
  if (state === "rejected") return true;
  if (state !== "failed" && state !== "complete") return false;
  const begun = Math.max(task.createdAt, task.notBefore ?? 0);
  return observedAt(task) - begun <= config.monitorMs + START_ALLOWANCE_MS;
}

/** Too much failed: the update pauses, or goes back. A rollback never goes back. */
function stop(round: Round, status: UpdateStatus, failed: readonly Task[]): void {
  const { service } = round;
  const cause = `due to failure or early termination of task ${failed[0]?.id ?? ""}`;
  const rollingBack = isRollingBack(service);
  if (!rollingBack && service.spec.update.failureAction === "rollback" && canGoBack(service)) {
    const message = `update rolled back ${cause}`;
    round.push({ kind: "rollbackService", id: service.id, version: service.version, message });
    round.end();
    return;
  }
  const state: UpdateState = rollingBack ? "rollback_paused" : "paused";
  const message = `${rollingBack ? "rollback" : "update"} paused ${cause}`;
  round.setUpdateStatus({ state, startedAt: status.startedAt, message });
}

/** A spec before that differs in its number of replicas only would bring the same tasks again. */
const canGoBack = ({ previousSpec, previousSpecVersion, specVersion }: Service): boolean =>
  previousSpec !== undefined && previousSpecVersion !== specVersion;

/** All is replaced; the last ones are watched for one more monitor period, longer than the delay, as in SwarmKit. */
function completeWhenWatched(
  round: Round,
  update: { status: UpdateStatus; config: UpdateConfig; progress: readonly Progress[] },
): void {
  const { status, config, progress } = update;
  if (progress.some((slot) => slot.underway && slot.at === undefined)) return;
  const last = Math.max(status.startedAt, ...progress.map(({ at }) => at ?? 0));
  const watchMs = config.delayMs >= config.monitorMs ? config.delayMs + 1_000 : config.monitorMs;
  if (round.now < last + watchMs) {
    round.wake(last + watchMs);
    return;
  }
  const rollingBack = isRollingBack(round.service);
  const state: UpdateState = rollingBack ? "rollback_completed" : "completed";
  const message = rollingBack ? "rollback completed" : "update completed";
  round.setUpdateStatus({ state, startedAt: status.startedAt, completedAt: round.now, message });
}

function replace(round: Round, standing: Stale, config: UpdateConfig): void {
  const { slot, task, surplus } = standing;
  if (isStopped(task)) {
    shutDown(round, standing.kind === "spent" ? surplus : [...surplus, task]);
    fill(round, slot);
  } else if (config.order === "start-first") {
    shutDown(round, surplus);
    fill(round, slot, task);
  } else {
    shutDown(round, surplus);
    round.createTask(slot.key, { desired: "ready" });
    shutDown(round, [task]);
  }
}
