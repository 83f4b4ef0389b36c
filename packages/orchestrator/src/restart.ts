import type { Millis, NodeId } from "@murmur/base";
import { LIMITS, type RestartHistory, type RestartPolicy, type Task } from "@murmur/model";
import type { Round } from "./round.ts";
import { endedAt } from "./task-facts.ts";

/** A task that ended sooner than this after its start failed quickly; several in a row are held back. */
export const QUICK_FAILURE_MS: Millis = 30_000;
/** Quick failures in a row that are restarted after the policy's own delay. */
const QUICK_FAILURES_FREE = 2;
/** The first delay beyond the policy's; it doubles with every further quick failure. */
const BACKOFF_FIRST_MS: Millis = 5_000;
/** The longest delay that back-off leads to; a policy's own delay may be longer. */
export const BACKOFF_CEILING_MS: Millis = 5 * 60_000;
/** Times of restarts kept for a slot: back-off looks back no further. */
export const RESTARTS_KEPT = 32;

/** When a task that ended by itself is to be started again. */
export interface Restart {
  readonly at: Millis;
  readonly history: RestartHistory;
}

/**
 * Whether the restart policy wants a task that ended by itself to be replaced. The answer depends on when the task
 * ended, not on when it is asked for, so that it stays the same.
 */
export function isRestartable(round: Round, slot: number | NodeId, ended: Task): boolean {
  const past = round.view.restartHistory(round.service.id, slot);
  return mayRestart(ended, { isJob: round.isJob, ...pastOf(past, ended.specVersion) });
}

/** When to start the replacement of a task that ended by itself: after the policy's delay, later if it keeps failing. */
export function restartOf(round: Round, slot: number | NodeId, ended: Task): Restart {
  const { service } = round;
  const { count, restarts: past } = pastOf(round.view.restartHistory(service.id, slot), service.specVersion);
  const { delayMs } = ended.spec.restart;
  const backoff = delayAfter(delayMs, quickFailures(ended, past.slice(-RESTARTS_KEPT))) - delayMs;
  const at = Math.ceil(round.now + delayMs + backoff * jitter(ended));
  const restarts = [...past, at].slice(-keptFor(ended.spec.restart));
  return { at, history: { serviceId: service.id, slot, specVersion: service.specVersion, count: count + 1, restarts } };
}

type Past = Pick<RestartHistory, "count" | "restarts">;
const NO_PAST: Past = { count: 0, restarts: [] };

/** What happened under another spec does not count against this one, as in SwarmKit. */
const pastOf = (past: RestartHistory | undefined, specVersion: number): Past =>
  past?.specVersion === specVersion ? past : NO_PAST;

/** A window needs the time of every attempt that it may hold; without one, attempts are counted. */
function keptFor({ windowMs, maxAttempts }: RestartPolicy): number {
  return windowMs === 0 ? RESTARTS_KEPT : Math.min(Math.max(maxAttempts, RESTARTS_KEPT), LIMITS.restarts);
}

/** The policy itself, with SwarmKit's rules: `any` means `on-failure` for a job; a window looks back from the end. */
function mayRestart(ended: Task, past: Past & { readonly isJob: boolean }): boolean {
  const { condition, maxAttempts, windowMs } = ended.spec.restart;
  if (condition === "none") return false;
  if (ended.status.state === "complete" && (condition === "on-failure" || past.isJob)) return false;
  if (maxAttempts === 0) return true;
  const end = endedAt(ended);
  // This task's own replacement may be among them: the answer stays the same once it was made.
  const before = past.restarts.filter((at) => at <= end);
  if (windowMs === 0) return past.count - (past.restarts.length - before.length) < maxAttempts;
  return before.filter((at) => at > end - windowMs).length < Math.min(maxAttempts, LIMITS.restarts);
}

/** Quick failures in a row before the one of this task; 0 when it was not quick itself. */
function quickFailures(ended: Task, restarts: readonly Millis[]): number {
  let inRow = 0;
  for (const [position, at] of restarts.entries()) {
    const next = restarts[position + 1];
    // A restart is remembered by its planned start: what lies between two is one life and the delay after it.
    const life =
      next === undefined ? endedAt(ended) - at : next - at - delayAfter(ended.spec.restart.delayMs, inRow + 1);
    inRow = life < QUICK_FAILURE_MS ? inRow + 1 : 0;
  }
  return inRow;
}

/** The delay before the restart that follows so many quick failures in a row. */
function delayAfter(policyMs: Millis, failures: number): Millis {
  const doublings = failures - QUICK_FAILURES_FREE;
  if (doublings < 0) return policyMs;
  const backoff = Math.min(BACKOFF_FIRST_MS * 2 ** Math.min(doublings, 16), BACKOFF_CEILING_MS);
  return Math.max(policyMs, Math.min(policyMs + backoff, BACKOFF_CEILING_MS));
}

/** Shortens a back-off by up to a fifth, so that slots that failed together do not all come back together. */
const jitter = (ended: Task): number => 1 - (hashOf(ended.id) % 1_000) / 5_000;

/** FNV-1a (Fowler, Noll, Vo): the same on every manager, unlike a random number. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
