import { expect, it } from "vitest";
import { DEFAULT_SNAPSHOT_LIMITS, entriesBetween, trailingEntries, type SnapshotLimits } from "./snapshotter.ts";

const LIMITS: SnapshotLimits = { bytes: 1_000_000, entries: 20_000, trailingBytes: 100_000, trailingEntries: 500 };

it.each([
  [undefined, 20_000],
  [5_000, 5_000],
  [1_000_000, 20_000],
  [1, 1_000],
])("takes a snapshot each so many entries, where %j are asked for: %j", (asked, entries) => {
  expect(entriesBetween(LIMITS, asked)).toBe(entries);
});

it("takes one as often as its own limits say, however small they are", () => {
  expect(entriesBetween({ ...LIMITS, entries: 40 }, undefined)).toBe(40);
  expect(entriesBetween({ ...LIMITS, entries: 40 }, 5_000)).toBe(40);
  expect(entriesBetween(DEFAULT_SNAPSHOT_LIMITS, undefined)).toBe(DEFAULT_SNAPSHOT_LIMITS.entries);
});

it.each([
  ["its own number", { bytesEach: 100 }, 500],
  ["as many as are asked for", { bytesEach: 100, asked: 800 }, 800],
  ["no fewer than its own number", { bytesEach: 100, asked: 3 }, 500],
  ["no more than fit", { bytesEach: 1_000, asked: 800 }, 100],
])("keeps entries for followers that lag: %s", (_what, question, entries) => {
  expect(trailingEntries(LIMITS, question)).toBe(entries);
});
