import type { SwimConfig } from "@murmur/gossip";
import { describe, expect, it } from "vitest";
import { runDetectionExperiment } from "./detection-experiment.ts";
import { runIntervalExperiment } from "./interval-experiment.ts";
import { MURMUR_VARIANTS, PAPER_VARIANTS } from "./lifeguard-variants.ts";

const experiment = (config: Partial<SwimConfig>, anomalous = 3) =>
  runIntervalExperiment({
    seed: 1,
    config,
    members: 24,
    anomaly: "stuck",
    anomalous,
    anomalyMs: 16_384,
    intervalMs: 64,
    anomaliesMs: 40_000,
  });

describe("the interval experiment", () => {
  it("gives the same for the same seed", () => {
    expect(experiment(PAPER_VARIANTS.swim)).toEqual(experiment(PAPER_VARIANTS.swim));
  });

  it("has no false positives without anomalies", () => {
    expect(experiment(PAPER_VARIANTS.swim, 0)).toEqual({ all: 0, healthy: 0 });
  });

  it("does not count the deaths of members with anomalies: with all of them ill nothing is left to count", () => {
    expect(experiment(PAPER_VARIANTS.swim, 24)).toEqual({ all: 0, healthy: 0 });
  });

  it("shows what Lifeguard is for", () => {
    const swim = experiment(PAPER_VARIANTS.swim);
    expect(swim.healthy).toBeGreaterThan(100);
    expect(swim.all).toBeGreaterThan(swim.healthy);
    for (const part of [PAPER_VARIANTS.lha_probe, PAPER_VARIANTS.lha_suspicion]) {
      expect(experiment(part).all).toBeLessThan(swim.all / 2);
    }
    expect(experiment(PAPER_VARIANTS.lifeguard).all).toBeLessThan(swim.all / 20);
    expect(experiment(MURMUR_VARIANTS.murmur).healthy).toBe(0);
  });
});

describe("the detection experiment", () => {
  it("measures each death once, and SWIM's suspicion time is in it", () => {
    const failures = runDetectionExperiment({ seed: 1, config: PAPER_VARIANTS.swim, members: 24, failures: 4 });
    expect(failures).toHaveLength(4);
    for (const { firstMs, allMs } of failures) {
      // α·log10(24)·interval after a probe that took an interval.
      expect(firstMs).toBeGreaterThan(5 * 1.38 * 1_000);
      expect(allMs).toBeGreaterThanOrEqual(firstMs);
    }
  });
});
