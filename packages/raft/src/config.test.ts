import { describe, expect, it } from "vitest";
import { configOf, DEFAULT_CONFIG, silenceTicks } from "./config.ts";

describe("the configuration", () => {
  it("has defaults, and derives the upper election bound", () => {
    expect(configOf({})).toEqual(DEFAULT_CONFIG);
    expect(configOf({ electionTicks: 30 })).toMatchObject({ electionTicks: 30, electionTicksMax: 60 });
    expect(configOf({ electionTicks: 30, electionTicksMax: 31 }).electionTicksMax).toBe(31);
  });

  it.each([
    { heartbeatTicks: 0 },
    { electionTicks: 2, heartbeatTicks: 2 },
    { electionTicksMax: 10 },
    { hintTicksMax: 0 },
    { maxInflightMessages: 0 },
    { maxEntryBytes: 2 * 1024 * 1024 },
    { maxInflightBytes: 1 },
    { maxUncommittedBytes: 1 },
    { maxUncommittedEntries: 0 },
    { maxPendingReads: 0 },
    { leaseReads: true, checkQuorum: false },
  ])("refuses limits that contradict each other: %o", (config) => {
    expect(() => configOf(config)).toThrow();
  });

  it("believes a hint after two missed heartbeats, never later than an election time-out", () => {
    expect(silenceTicks(configOf({ heartbeatTicks: 2 }))).toBe(5);
    expect(silenceTicks(configOf({ electionTicks: 4, heartbeatTicks: 3 }))).toBe(4);
  });
});
