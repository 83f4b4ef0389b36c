import { describe, expect, it } from "vitest";
import { Chaos } from "./testing/chaos.ts";

const STEPS = 1500;

/** Runs some seeds, and returns how many reads were answered; a failing seed is named. */
function run(seeds: { first: number; count: number; leases: boolean }): number {
  let reads = 0;
  for (let seed = seeds.first; seed < seeds.first + seeds.count; seed += 1) {
    const chaos = new Chaos({ seed, steps: STEPS, leases: seeds.leases });
    try {
      chaos.run();
    } catch (error) {
      throw new Error(`seed ${seed} fails`, { cause: error });
    }
    reads += chaos.world.servedReads;
  }
  return reads;
}

describe("a cluster under faults", () => {
  it("keeps Raft's promises", () => {
    expect(run({ first: 1, count: 300, leases: false })).toBeGreaterThan(300);
  });

  it("keeps them with lease reads, as long as clocks differ no more than leases allow", () => {
    expect(run({ first: 1, count: 100, leases: true })).toBeGreaterThan(100);
  });
});
