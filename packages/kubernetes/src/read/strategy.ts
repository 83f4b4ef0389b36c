import { defined, problem, type ComposeUpdate, type Fields } from "@murmur/compose";

import type { Context } from "../context.ts";

/**
 * How an update goes. What may be too many (maxSurge) is started first, so many at a time; where nothing may be, what may
 * be missing (maxUnavailable) is stopped first. Percentages are of the replicas, rounded as Kubernetes does.
 */
export function readStrategy(spec: Fields, replicas: number, context: Context): ComposeUpdate {
  const strategy = spec.fields("strategy");
  const rolling = strategy?.fields("rollingUpdate");
  const readyMs = (spec.number("minReadySeconds") ?? 0) * 1000;
  const times = { delayMs: readyMs > 0 ? readyMs : undefined, monitorMs: readyMs > 0 ? readyMs : undefined };
  const none = { failureAction: undefined, maxFailureRatio: undefined };
  if (strategy?.text("type") === "Recreate") {
    if (rolling !== undefined)
      throw problem(rolling.tree.place, rolling.path, "Recreate has no rollingUpdate; leave one of the two out");
    if (replicas > 1)
      context.note(
        `${spec.path}.strategy: Recreate stops all tasks at once, but a new one doesn't wait for all old ones`,
      );
    return defined<ComposeUpdate>({ ...times, ...none, parallelism: 0, order: "stop-first" });
  }
  const surge = shareOf(rolling?.text("maxSurge") ?? "25%", replicas, Math.ceil);
  const missing = shareOf(rolling?.text("maxUnavailable") ?? "25%", replicas, Math.floor);
  if (rolling !== undefined && isZero(rolling.text("maxSurge")) && isZero(rolling.text("maxUnavailable")))
    throw problem(rolling.tree.place, rolling.path, "maxSurge and maxUnavailable can't both be 0");
  if (surge > 0) return defined<ComposeUpdate>({ ...times, ...none, parallelism: surge, order: "start-first" });
  return defined<ComposeUpdate>({ ...times, ...none, parallelism: Math.max(1, missing), order: "stop-first" });
}

const isZero = (given: string | undefined): boolean => given !== undefined && /^0+%?$/.test(given);

function shareOf(given: string, replicas: number, round: (value: number) => number): number {
  return given.endsWith("%") ? round((Number(given.slice(0, -1)) * replicas) / 100) : Number(given);
}
