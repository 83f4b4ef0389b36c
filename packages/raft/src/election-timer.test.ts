import { SeededRandom } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { configOf } from "./config.ts";
import { ElectionTimer } from "./election-timer.ts";

const config = configOf({ electionTicks: 10, electionTicksMax: 20, hintTicksMax: 2 });
const timerOf = (seed: number): ElectionTimer => new ElectionTimer(config, new SeededRandom(seed));

function ticksUntilFired(timer: ElectionTimer): number {
  for (let ticks = 1; ticks < 100; ticks += 1) if (timer.tick()) return ticks;
  return Infinity;
}
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

describe("the election timer", () => {
  it("fires at random within its range, and uses the whole range", () => {
    const fired = new Set(SEEDS.map((seed) => ticksUntilFired(timerOf(seed))));
    expect([Math.min(...fired), Math.max(...fired)]).toEqual([10, 19]);
  });

  it("starts anew when a leader is heard", () => {
    const timer = timerOf(1);
    for (let tick = 0; tick < 9; tick += 1) timer.tick();
    timer.restart();
    expect(ticksUntilFired(timer)).toBeGreaterThanOrEqual(10);
  });

  it("fires soon after a hint, then with growing pauses, then normally", () => {
    for (const seed of SEEDS) {
      const timer = timerOf(seed);
      timer.hasten();
      const pauses: number[] = [ticksUntilFired(timer)];
      while (timer.hurried) {
        timer.retry();
        pauses.push(ticksUntilFired(timer));
      }
      const bounds = [
        [1, 2],
        [2, 3],
        [4, 7],
        [8, 15],
        [10, 19],
      ] as const;
      expect(pauses).toHaveLength(bounds.length);
      for (const [at, [least, most]] of bounds.entries()) {
        expect(pauses[at]).toBeGreaterThanOrEqual(least);
        expect(pauses[at]).toBeLessThanOrEqual(most);
      }
    }
  });

  it("forgets the hurry when a leader is heard", () => {
    const timer = timerOf(1);
    timer.hasten();
    timer.restart();
    expect(timer.hurried).toBe(false);
    expect(ticksUntilFired(timer)).toBeGreaterThanOrEqual(10);
  });

  it("gives a rival time, but only in a hurry", () => {
    const timer = timerOf(1);
    timer.hasten();
    timer.defer();
    expect(ticksUntilFired(timer)).toBeGreaterThanOrEqual(2);
    const calm = timerOf(5);
    const other = timerOf(5);
    calm.defer();
    expect(ticksUntilFired(calm)).toBe(ticksUntilFired(other));
  });
});
