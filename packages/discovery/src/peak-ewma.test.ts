import * as fc from "fast-check";
import { nodeId, SeededRandom } from "@murmur/base";
import { taskId, type Endpoint } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { costOf, observed, pickCheaper, type Latency } from "./peak-ewma.ts";
import { NO_SUSPECTS } from "./suspects.ts";

const endpoints: readonly Endpoint[] = ["a", "b", "c", "d"].map((id) => ({
  taskId: taskId(id),
  slot: 1,
  nodeId: nodeId("n"),
  address: "10.0.0.1",
  ports: [],
}));
const all = { endpoints, suspects: NO_SUSPECTS, tried: new Set<never>() };

const samples = fc.array(
  fc.record({
    ms: fc.double({ min: 0, max: 60_000, noNaN: true }),
    after: fc.double({ min: 0, max: 60_000, noNaN: true }),
  }),
  { minLength: 1, maxLength: 20 },
);
const told = (list: readonly { readonly ms: number; readonly after: number }[]): { latency: Latency; now: number } => {
  let now = 0;
  let latency: Latency = { ms: 0, at: 0 };
  for (const { ms, after } of list) {
    now += after;
    latency = observed(latency, ms, now);
  }
  return { latency, now };
};

describe("the average", () => {
  it("is never below the last latency, and never above the highest", () => {
    fc.assert(
      fc.property(samples, (list) => {
        const { latency, now } = told(list);
        expect(latency.at).toBe(now);
        expect(latency.ms).toBeGreaterThanOrEqual((list.at(-1)?.ms ?? 0) - 1e-9);
        expect(latency.ms).toBeLessThanOrEqual(Math.max(...list.map(({ ms }) => ms)) + 1e-9);
      }),
    );
  });

  it("takes a peak at once, and forgets it with a mean lifetime of ten seconds", () => {
    const calm = observed(undefined, 5, 0);
    const peak = observed(calm, 900, 1_000);
    expect(peak.ms).toBe(900);
    // However many good answers come at the same moment.
    expect(observed(peak, 5, 1_000).ms).toBe(900);
    expect(observed(peak, 5, 11_000).ms).toBeCloseTo(5 + 895 / Math.E);
    expect(costOf(peak, 0, 11_000)).toBeCloseTo(900 / Math.E);
    expect(costOf(peak, 0, 0)).toBe(900);
  });
});

describe("the cost", () => {
  it("grows with what is outstanding, and falls with time", () => {
    const later = fc.double({ min: 0, max: 100_000, noNaN: true });
    fc.assert(
      fc.property(samples, fc.nat(1_000), later, (list, outstanding, ms) => {
        const { latency, now } = told(list);
        const cost = costOf(latency, outstanding, now);
        expect(costOf(latency, outstanding + 1, now)).toBeGreaterThanOrEqual(cost);
        expect(costOf(latency, outstanding, now + ms)).toBeLessThanOrEqual(cost);
        expect(cost).toBeCloseTo(latency.ms * (outstanding + 1), 3);
      }),
    );
  });

  it("lets an unknown task have one connection before all others, and a second after them", () => {
    expect(costOf(undefined, 0, 0)).toBe(0);
    expect(costOf(undefined, 1, 0)).toBeGreaterThan(costOf({ ms: 60_000, at: 0 }, 1_000, 0));
    expect(costOf(undefined, 2, 0)).toBeGreaterThan(costOf(undefined, 1, 0));
  });
});

describe("the cheaper of two", () => {
  it("is never the dearest of several, and is each of the others", () => {
    const random = new SeededRandom(3);
    const cost = (id: string): number => (id === "c" ? 9 : 1);
    const seen = new Set(Array.from({ length: 400 }, () => pickCheaper(all, cost, random)?.taskId));
    expect(seen).toEqual(new Set(["a", "b", "d"]));
  });

  it("leaves out those that were tried and suspects, down to nobody", () => {
    const random = new SeededRandom(3);
    const tried = new Set(["a", "b"].map(taskId));
    const candidates = { ...all, tried, suspects: { ...NO_SUSPECTS, withdrawn: new Set([taskId("c")]) } };
    expect(pickCheaper(candidates, () => 1, random)?.taskId).toBe("d");
    expect(pickCheaper({ ...candidates, endpoints: endpoints.slice(0, 3) }, () => 1, random)).toBeUndefined();
  });

  it("sends a task that has become slow little, until that is long past", () => {
    const random = new SeededRandom(5);
    const latencies = new Map(endpoints.map(({ taskId: id }) => [id, { ms: id === "a" ? 500 : 5, at: 0 }]));
    const share = (now: number): number => {
      const refreshed = (id: string): Latency => (id === "a" ? { ms: 500, at: 0 } : { ms: 5, at: now });
      const costs = new Map([...latencies.keys()].map((id) => [id, costOf(refreshed(id), 0, now)]));
      const picks = Array.from({ length: 1_000 }, () => pickCheaper(all, (id) => costs.get(id) ?? 0, random)?.taskId);
      return picks.filter((id) => id === "a").length;
    };
    expect(share(0)).toBe(0);
    expect(share(60_000)).toBeGreaterThan(250);
  });
});
