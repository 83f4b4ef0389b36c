import { SeededRandom } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { broadcastMs, drawn, THESIS_HARDWARE } from "./conditions.ts";

const meanOf = (count: number, draw: () => number): number =>
  Array.from({ length: count }, draw).reduce((sum, value) => sum + value, 0) / count;

describe("delays", () => {
  it("are never below their minimum, and have their mean", () => {
    const random = new SeededRandom(1);
    const delay = { min: 1, mean: 3.3 };
    const samples = Array.from({ length: 50_000 }, () => drawn(delay, random));
    expect(Math.min(...samples)).toBeGreaterThanOrEqual(1);
    expect(meanOf(samples.length, () => samples.pop() ?? 0)).toBeCloseTo(3.3, 1);
  });
});

describe("a broadcast", () => {
  it("takes the own write, and then the slowest round trip with its writes", () => {
    const fixed = { networkMs: { min: 1, mean: 1 }, diskMs: { min: 5, mean: 5 } };
    expect(broadcastMs({ ...fixed, writesPerVote: 1 }, 4, new SeededRandom(1))).toBe(12);
    expect(broadcastMs({ ...fixed, writesPerVote: 2 }, 4, new SeededRandom(1))).toBe(17);
  });

  it("takes roughly 15 ms on the thesis's hardware", () => {
    const random = new SeededRandom(1);
    const mean = meanOf(50_000, () => broadcastMs(THESIS_HARDWARE, 4, random));
    expect(mean).toBeGreaterThan(14);
    expect(mean).toBeLessThan(16);
  });
});
