import type { Millis } from "@murmur/base";
import type { Round } from "./round.ts";
import { shutDown } from "./settle.ts";
import type { Occupied } from "./standing.ts";
import { verdictOf } from "./verdict.ts";

/** Tasks of a service that are relieved at the same time, where its updates replace all at once. */
export const SERVICE_RELIEFS_MAX = 10;
/** When to look again whether others have made room. */
const LOOK_MS: Millis = 500;

/**
 * Of the slots whose task is to be relieved, those that have to wait for their turn: a service's are relieved as many at a
 * time as its updates replace.
 */
export function postponeReliefs(round: Round, slots: readonly Occupied[]): ReadonlySet<Occupied> {
  const leaving = slots.filter(({ old }) => old !== undefined && verdictOf(round, old) === "leaving");
  if (leaving.length === 0) return NONE;
  const due = leaving.filter((standing) => standing.kind === "broken" && standing.cause === "leaving");
  const postponed = new Set<Occupied>();
  // One that has failed and waits for its next try keeps no other from its turn.
  const underway = leaving.filter(({ kind, task }) => kind === "held" && task.desiredState !== "ready").length;
  let room = round.atOnce(round.service.spec.update.parallelism || SERVICE_RELIEFS_MAX) - underway;
  for (const standing of due) {
    if (room > 0 && round.reliefs.take()) {
      room -= 1;
      continue;
    }
    if (room > 0) round.wake(round.now + LOOK_MS);
    shutDown(round, standing.surplus);
    postponed.add(standing);
  }
  return postponed;
}

const NONE: ReadonlySet<Occupied> = new Set();
