import { SeededRandom } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { ElectionConditions } from "./conditions.ts";
import { murmurConditions } from "./murmur.ts";
import { thesisConditions } from "./thesis.ts";
import { runElection, type ElectionOutcome } from "./trial.ts";

const PLAIN = thesisConditions({ minMs: 150, maxMs: 300 });

function elections(conditions: ElectionConditions, seed = 1, count = 300): readonly ElectionOutcome[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => runElection(conditions, random));
}

describe("an election", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(elections(PLAIN, 7, 20)).toEqual(elections(PLAIN, 7, 20));
    expect(elections(PLAIN, 7, 20)).not.toEqual(elections(PLAIN, 8, 20));
  });

  it.each([
    ["plain Raft", PLAIN],
    ["plain Raft, narrow timeouts", thesisConditions({ minMs: 12, maxMs: 24 })],
    ["Murmur, host cut off", murmurConditions(15, "cut")],
    ["Murmur, process killed", murmurConditions(15, "crash")],
  ])("is won by either of the two longest logs and by no other: %s", (_name, conditions) => {
    expect(new Set(elections(conditions).map(({ rank }) => rank))).toEqual(new Set([2, 3]));
  });

  it("takes at least the rest of the shortest timeout when nobody is told", () => {
    const shortest = Math.min(...elections(PLAIN).map(({ downtimeMs }) => downtimeMs));
    expect(shortest).toBeGreaterThan(150 - 75);
  });

  it("waits for no timeout when the connections break", () => {
    const sorted = elections(murmurConditions(50, "crash"))
      .map(({ downtimeMs }) => downtimeMs)
      .toSorted((left, right) => left - right);
    expect(sorted[Math.floor(sorted.length * 0.95)]).toBeLessThan(150);
  });
});
