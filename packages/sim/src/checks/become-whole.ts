import type { Millis } from "@murmur/base";
import type { World } from "../world/world.ts";
import { jobWorkMs } from "./job-work.ts";
import { ailments, isWhole, unmet, type Expectation } from "./liveness.ts";

/** How long a cluster may take to be whole once nothing goes wrong any more. */
const HEAL_MS: Millis = 120_000;
/** Looking takes longer than most things that happen. */
const LOOK_MS: Millis = 100;
/** A cluster that is whole must still be so after this. */
const STEADY_MS: Millis = 5_000;
/** How long what follows the end of a job's run, which makes room, may take. */
const FOLLOW_MS: Millis = 10_000;

const ALL: Expectation = { services: new Map() };

/**
 * Waits until nothing is left to be done, and nothing is for a while. All but jobs must be there by a fixed time; jobs may have
 * to take turns at the same room, and a run takes as long as it takes (seed 1100065853). Throws what is missing.
 */
export async function becomeWhole(world: World): Promise<void> {
  let missing = await missingAfter(world, HEAL_MS);
  const view = world.leader?.manager?.view;
  const workMs = view === undefined || missing.length === 0 ? 0 : jobWorkMs(view);
  const areOnlyJobs = (): boolean => isWhole(world, { ...ALL, jobs: "begun" });
  if (workMs > 0 && (await world.until(areOnlyJobs, FOLLOW_MS, LOOK_MS)) !== undefined)
    missing = await missingAfter(world, workMs + FOLLOW_MS);
  if (missing.length > 0) throw new Error(`not whole: ${missing.join("; ")}`);
}

/** What is still missing after so long; nothing as soon as the cluster is whole and stays so. */
async function missingAfter(world: World, limitMs: Millis): Promise<string[]> {
  const until = world.queue.now + limitMs;
  let missing: string[];
  do {
    await world.until(() => isWhole(world, ALL), until - world.queue.now, LOOK_MS);
    missing = unmet(world, ALL);
    if (missing.length === 0) {
      await world.pass(STEADY_MS);
      missing = unmet(world, ALL);
      if (missing.length === 0) missing = await world.during(ailments(world));
    }
  } while (missing.length > 0 && world.queue.now < until);
  return missing;
}
