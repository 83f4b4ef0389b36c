import { describe, expect, it } from "vitest";
import { runDisseminationExperiment } from "./dissemination-experiment.ts";

const experiment = { seed: 1, config: {}, members: 24, trials: 3, delayMeanMs: 2, warmUpMs: 1_000, quietMs: 5_000 };

describe("the dissemination experiment", () => {
  it("gives the same for the same seed", () => {
    const lossy = { ...experiment, loss: 0.1 };
    expect(runDisseminationExperiment(lossy)).toEqual(runDisseminationExperiment(lossy));
  });

  it("measures until the last member has heard, and what it cost", () => {
    const { spreadMs, quietBytesPerS, busyBytesPerS, bytesPerS } = runDisseminationExperiment({
      ...experiment,
      loss: 0,
    });
    expect(spreadMs).toHaveLength(3);
    for (const time of spreadMs) expect(time).toBeGreaterThan(2);
    expect(busyBytesPerS).toBeGreaterThan(quietBytesPerS);
    expect(bytesPerS).toBeGreaterThan(quietBytesPerS);
    expect(bytesPerS).toBeLessThan(busyBytesPerS);
  });

  it("says so when somebody has not heard", () => {
    expect(runDisseminationExperiment({ ...experiment, trials: 1, loss: 1 }).spreadMs).toEqual([undefined]);
  });
});
