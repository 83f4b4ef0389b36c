import { describe, expect, it } from "vitest";
import { downtimesOf, medianOf } from "./downtimes.ts";
import { measureElections } from "./experiment.ts";
import { THESIS_HELD_OUT, THESIS_TRIALS, thesisConditions } from "./thesis.ts";

describe("downtimes", () => {
  it("are summed up by nearest rank", () => {
    const samples = Array.from({ length: 200 }, (_, at) => 200 - at);
    expect(downtimesOf(samples)).toEqual({ p50: 100, p90: 180, p99: 198, max: 200, mean: 100.5 });
  });

  it("have a median column by column", () => {
    const one = { p50: 1, p90: 5, p99: 6, max: 9, mean: 2 };
    const two = { p50: 2, p90: 3, p99: 7, max: 8, mean: 3 };
    const three = { p50: 3, p90: 4, p99: 8, max: 30, mean: 4 };
    expect(medianOf([one, two, three])).toEqual({ p50: 2, p90: 4, p99: 7, max: 9, mean: 3 });
  });
});

describe("an experiment", () => {
  it("tells how far the maxima of its repeats lie apart", () => {
    const conditions = thesisConditions({ minMs: 50, maxMs: 100 });
    const { downtimes, maxFromMs, maxToMs } = measureElections(conditions, { seed: 1, trials: 20, repeats: 5 });
    expect(maxFromMs).toBeLessThan(downtimes.max);
    expect(maxToMs).toBeGreaterThan(downtimes.max);
  });

  it.each(THESIS_HELD_OUT)("gives the thesis's $minMs–$maxMs, which was not fitted, within 15 %", (published) => {
    const { downtimes } = measureElections(thesisConditions(published), { seed: 1, trials: THESIS_TRIALS, repeats: 1 });
    for (const column of ["p50", "p90", "p99", "mean"] as const) {
      expect(Math.abs(downtimes[column] / published[column] - 1), column).toBeLessThan(0.15);
    }
  });
});
