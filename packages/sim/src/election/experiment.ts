import { SeededRandom } from "@murmur/base";
import type { ElectionConditions } from "./conditions.ts";
import { downtimesOf, medianOf, type Downtimes } from "./downtimes.ts";
import { runElection } from "./trial.ts";

export interface ExperimentOptions {
  readonly seed: number;
  /** Elections in one experiment. */
  readonly trials: number;
  /** How often the whole experiment is made. */
  readonly repeats: number;
}

export interface ExperimentResult {
  /** The median experiment, column by column. */
  readonly downtimes: Downtimes;
  /** The smallest and the greatest of the experiments' longest elections: how much a single maximum says. */
  readonly maxFromMs: number;
  readonly maxToMs: number;
}

/** Makes an experiment several times. The same seed gives the same result. */
export function measureElections(conditions: ElectionConditions, options: ExperimentOptions): ExperimentResult {
  const random = new SeededRandom(options.seed);
  const repeats = Array.from({ length: options.repeats }, () => {
    return downtimesOf(Array.from({ length: options.trials }, () => runElection(conditions, random).downtimeMs));
  });
  const maxima = repeats.map(({ max }) => max);
  return { downtimes: medianOf(repeats), maxFromMs: Math.min(...maxima), maxToMs: Math.max(...maxima) };
}
