import { assert } from "@murmur/base";

/** Downtimes of many elections, in milliseconds. */
export interface Downtimes {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly mean: number;
}

/** Sums up single downtimes; at least one. */
export function downtimesOf(samplesMs: readonly number[]): Downtimes {
  const sorted = samplesMs.toSorted((left, right) => left - right);
  return {
    p50: percentile(sorted, 0.5),
    p90: percentile(sorted, 0.9),
    p99: percentile(sorted, 0.99),
    max: percentile(sorted, 1),
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
  };
}

/** Column by column the median of several experiments; at least one. */
export function medianOf(repeats: readonly Downtimes[]): Downtimes {
  const median = (column: keyof Downtimes): number => {
    const sorted = repeats.map((repeat) => repeat[column]).toSorted((left, right) => left - right);
    return percentile(sorted, 0.5);
  };
  return { p50: median("p50"), p90: median("p90"), p99: median("p99"), max: median("max"), mean: median("mean") };
}

/** By nearest rank. */
function percentile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1];
  assert(value !== undefined, "there are samples");
  return value;
}
