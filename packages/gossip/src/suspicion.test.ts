import { nodeId } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { swimConfig } from "./config.ts";
import { Suspicion, suspicionTimeoutMs, suspicionTimes } from "./suspicion.ts";

const config = swimConfig({ suspicionAlpha: 5, suspicionBeta: 6, suspicionConfirmations: 3, probeIntervalMs: 1_000 });
const times = suspicionTimes(config, 100);
const suspicion = () => new Suspicion({ incarnation: 1, accuser: nodeId("a"), times, now: 1_000 });

describe("suspicionTimes", () => {
  it("is α·log10(n)·interval, and β times that without confirmation", () => {
    expect(times).toEqual({ minMs: 10_000, maxMs: 60_000, wanted: 3 });
    expect(suspicionTimes(config, 3)).toEqual({ minMs: 5_000, maxMs: 30_000, wanted: 1 });
  });

  it("wants no more confirmations than there are others who could confirm", () => {
    expect([1, 2, 3, 4, 5, 6].map((live) => suspicionTimes(config, live).wanted)).toEqual([0, 0, 1, 2, 3, 3]);
  });

  it("is the shortest time at once without LHA-Suspicion, as in SWIM", () => {
    const plain = suspicionTimes({ ...config, lhaSuspicion: false }, 100);
    expect(suspicionTimeoutMs(plain, 0)).toBe(10_000);
  });
});

describe("suspicionTimeoutMs", () => {
  it("falls from the longest to the shortest, and the first confirmations count most", () => {
    const timeouts = [0, 1, 2, 3].map((count) => Math.round(suspicionTimeoutMs(times, count)));
    expect(timeouts).toEqual([60_000, 35_000, 20_376, 10_000]);
  });

  it("stays between its bounds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.nat({ max: 20 }), (live, confirmations) => {
        const bounds = suspicionTimes(config, live);
        const timeout = suspicionTimeoutMs(bounds, confirmations);
        expect(timeout).toBeGreaterThanOrEqual(bounds.minMs);
        expect(timeout).toBeLessThanOrEqual(bounds.maxMs);
      }),
    );
  });
});

describe("Suspicion", () => {
  it("counts every accuser once, and not the first one, up to what is wanted", () => {
    const running = suspicion();
    const heard = ["a", "b", "b", "c", "d", "e"].map((accuser) => running.confirm(nodeId(accuser), 2_000));
    expect(heard).toEqual([false, true, false, true, true, false]);
    expect(running.deadline).toBe(11_000);
  });

  it("that began with hearsay is not confirmed by the first who accuses", () => {
    const running = new Suspicion({ incarnation: 1, accuser: undefined, times, now: 1_000 });
    expect(running.confirm(nodeId("a"), 2_000)).toBe(true);
    expect([running.confirmations, running.deadline]).toEqual([0, 61_000]);
    expect(running.confirm(nodeId("b"), 2_000)).toBe(true);
    expect([running.confirmations, running.deadline]).toEqual([1, 36_000]);
  });

  it("ends at once, but not in the past, when a confirmation comes late", () => {
    const running = suspicion();
    for (const accuser of ["b", "c", "d"]) running.confirm(nodeId(accuser), 50_000);
    expect(running.deadline).toBe(50_000);
  });

  it("is postponed by a stall, and for some time at least", () => {
    const running = suspicion();
    running.postpone(30_000, 40_000);
    expect(running.deadline).toBe(91_000);
    running.postpone(1, 200_000);
    expect(running.deadline).toBe(200_000);
  });
});
