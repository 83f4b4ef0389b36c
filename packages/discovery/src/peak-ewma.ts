import type { Millis, Random } from "@murmur/base";
import type { Endpoint, TaskId } from "@murmur/model";
import { isCandidate, type Candidates } from "./pick.ts";

/**
 * Peak-EWMA, as Finagle has it (twitter/finagle, `loadbalancer/PeakEwma.scala`; linkerd took it over): a moving average of
 * a task's latency that jumps up to every peak at once and comes down only with time, times the load that the task would
 * have. The moments of observations are uneven, so an observation weighs by the time since the last one (A. Eckner,
 * Algorithms for Unevenly Spaced Time Series).
 */
export interface Latency {
  readonly ms: Millis;
  /** When it was that. */
  readonly at: Millis;
}

/** The average's mean lifetime: without news it falls to 1/e within. Finagle's default. */
const DECAY_MS: Millis = 10_000;
/** More than any latency: a task that nobody has had an answer from yet gets one connection, not all. */
const UNKNOWN_MS: Millis = 1e9;

/** The average with one more latency in it. */
export function observed(before: Latency | undefined, ms: Millis, now: Millis): Latency {
  if (before === undefined || ms >= before.ms) return { ms, at: now };
  const weight = weightOf(before, now);
  return { ms: before.ms * weight + ms * (1 - weight), at: now };
}

/** What one more connection would cost at a task that has `outstanding` of them. What is long past counts less and less. */
export function costOf(latency: Latency | undefined, outstanding: number, now: Millis): number {
  if (latency !== undefined) return latency.ms * weightOf(latency, now) * (outstanding + 1);
  return outstanding === 0 ? 0 : UNKNOWN_MS + outstanding;
}

/** A clock that went back counts as one that stood still. */
const weightOf = ({ at }: Latency, now: Millis): number => Math.exp(-Math.max(0, now - at) / DECAY_MS);

/**
 * The cheaper one of two candidates taken by chance, as Finagle and linkerd choose: with the cheapest of all, every
 * client would run to it until its cost shows.
 */
export function pickCheaper(
  candidates: Candidates,
  cost: (id: TaskId) => number,
  random: Random,
): Endpoint | undefined {
  const left = candidates.endpoints.filter((endpoint) => isCandidate(endpoint, candidates));
  if (left.length < 2) return left[0];
  const at = random.below(left.length);
  const other = random.below(left.length - 1);
  const [one, two] = [left[at], left[other < at ? other : other + 1]];
  return one !== undefined && two !== undefined && cost(two.taskId) < cost(one.taskId) ? two : one;
}
