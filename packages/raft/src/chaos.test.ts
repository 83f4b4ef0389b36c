import { describe, expect, it } from "vitest";
import { Chaos } from "./testing/chaos.ts";

const FIRST_SEED = 1;
const SEEDS = 300;

describe("a cluster under faults", () => {
  it(`keeps Raft's promises for ${SEEDS} seeds`, () => {
    let reads = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
      const chaos = new Chaos({ seed, steps: 1500 });
      try {
        chaos.run();
      } catch (error) {
        throw new Error(`seed ${seed} fails`, { cause: error });
      }
      reads += chaos.world.servedReads;
    }
    expect(reads).toBeGreaterThan(SEEDS);
  });
});
