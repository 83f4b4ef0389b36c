import { SeededRandom } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkAcknowledged } from "./acknowledged.ts";
import { checkWatch, type LoggedChange, type WatchRecord } from "./watch-check.ts";

/** A log with gaps between its versions and several changes to some of them. */
function randomLog(random: SeededRandom, length: number): LoggedChange[] {
  const log: LoggedChange[] = [];
  const present = new Set<string>();
  let version = 0;
  for (let at = 0; at < length; at += 1) {
    if (at === 0 || random.below(4) > 0) version += 1 + random.below(3);
    const id = `o${String(random.below(6))}`;
    const goes = present.has(id) && random.below(4) === 0;
    if (goes) present.delete(id);
    else present.add(id);
    log.push({ version, id, value: goes ? undefined : `v${String(at)}` });
  }
  return log;
}

function stateAt(log: readonly LoggedChange[], version: number): Map<string, string> {
  const objects = new Map<string, string>();
  for (const { version: of, id, value } of log) {
    if (of > version) break;
    if (value === undefined) objects.delete(id);
    else objects.set(id, value);
  }
  return objects;
}

/** What a good watch tells of a log: from a random version on, with a resync or a new snapshot here and there. */
function goodWatch(log: readonly LoggedChange[], random: SeededRandom): WatchRecord[] {
  const records: WatchRecord[] = [];
  const last = log.at(-1)?.version ?? 0;
  let version = random.below(last + 1);
  const snapshot = (): void => void records.push({ kind: "snapshot", version, objects: stateAt(log, version) });
  snapshot();
  for (;;) {
    const change = log.find((one) => one.version > version);
    if (change === undefined) return records;
    if (random.below(15) === 0) {
      if (random.below(2) === 0) records.push({ kind: "resync" });
      version = Math.min(last, version + random.below(10));
      snapshot();
      continue;
    }
    for (const one of log.filter((other) => other.version === change.version))
      records.push({ kind: "change", change: one });
    version = change.version;
  }
}

const put = (version: number, id: string, value: string): LoggedChange => ({ version, id, value });
const LOG = [
  put(2, "a", "1"),
  put(4, "b", "1"),
  put(4, "a", "2"),
  put(7, "b", "2"),
  { version: 9, id: "a", value: undefined },
];
const told = (...changes: readonly LoggedChange[]): WatchRecord[] =>
  changes.map((change) => ({ kind: "change", change }));
const snapshot = (version: number, objects: Readonly<Record<string, string>> = {}): WatchRecord => ({
  kind: "snapshot",
  version,
  objects: new Map(Object.entries(objects)),
});
const at = (place: number): LoggedChange => LOG[place] ?? put(0, "", "");

describe("checkWatch", () => {
  it("accepts what a good watch tells, whatever the log", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 200 }), (seed, length) => {
        const random = new SeededRandom(seed);
        const log = randomLog(random, length);
        const reaches = log.at(-1)?.version ?? 0;
        expect(checkWatch(goodWatch(log, random), { log, reaches })).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it("catches one change that is lost, told twice, or altered, anywhere", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom("lost", "twice", "altered"), (seed, how) => {
        const random = new SeededRandom(seed);
        const log = randomLog(random, 100);
        const records = goodWatch(log, random);
        const places = records.flatMap((record, place) => (record.kind === "change" ? [place] : []));
        const place = places[random.below(places.length)];
        const record = place === undefined ? undefined : records[place];
        if (place === undefined || record?.kind !== "change") return;
        const altered: WatchRecord = { kind: "change", change: { ...record.change, value: "nobody's" } };
        const instead = how === "lost" ? [] : how === "twice" ? [record, record] : [altered];
        const spoilt = records.toSpliced(place, 1, ...instead);
        // A snapshot right after it makes good for what was lost.
        const isHealed = how === "lost" && spoilt[place]?.kind !== "change" && place < spoilt.length;
        const problem = checkWatch(spoilt, { log, reaches: log.at(-1)?.version ?? 0 });
        if (isHealed) expect(problem).toBeUndefined();
        else expect(problem).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });

  const start = snapshot(2, { a: "1" });
  it.each<[string, readonly WatchRecord[], string]>([
    ["a gap", [start, ...told(at(1), at(3))], "next in the log is a as 2 at version 4"],
    ["a repeat", [start, ...told(at(1), at(2), at(2))], "the stream repeats itself"],
    ["a step back", [start, ...told(at(1), at(2), at(3), at(2))], "after version 7: the stream went back"],
    [
      "a change of nobody",
      [start, ...told(put(4, "b", "9"))],
      "b as 9 at version 4 was told, but next in the log is b",
    ],
    ["a change beyond the log", [snapshot(9, { b: "2" }), ...told(put(11, "b", "3"))], "next in the log is nothing"],
    ["a change without a snapshot", told(at(0)), "came without a snapshot"],
    ["a change after a resync", [start, { kind: "resync" }, ...told(at(1))], "came without a snapshot"],
    ["a snapshot that lacks an object", [snapshot(4, { a: "2" })], "lacks b, which is 1"],
    ["a snapshot of another moment", [snapshot(4, { a: "1", b: "1" })], "shows a as 1, and it is 2"],
    ["a snapshot with what is gone", [snapshot(9, { a: "2", b: "2" })], "shows a, which does not exist"],
    ["a snapshot that goes back", [snapshot(7, { a: "2", b: "2" }), start], "the stream went back"],
    ["an end too early", [start, ...told(at(1))], "ended before a as 2 at version 4"],
  ])("catches %s", (_, records, message) => {
    const problem = checkWatch(records, { log: LOG, reaches: 7 });
    expect(problem?.message).toContain(message);
  });

  it("lets a stream end anywhere when nothing else is asked, and on a resync", () => {
    expect(checkWatch([start], { log: LOG })).toBeUndefined();
    expect(checkWatch([start, { kind: "resync" }], { log: LOG, reaches: 9 })).toBeUndefined();
  });

  it("accepts a snapshot of a version at which nothing changed", () => {
    expect(checkWatch([snapshot(6, { a: "2", b: "1" }), ...told(at(3))], { log: LOG })).toBeUndefined();
  });
});

describe("checkAcknowledged", () => {
  it("finds every acknowledged write in the log, and names those that are not", () => {
    const kept = { client: "c", version: 7, id: "b", value: "2" };
    const removed = { client: "c", version: 9, id: "a", value: undefined };
    expect(checkAcknowledged([kept, removed], LOG)).toEqual([]);
    const lost = [
      { ...kept, version: 8 },
      { ...kept, value: "3" },
      { ...kept, id: "z" },
      { ...removed, version: 7 },
    ];
    const problems = checkAcknowledged([kept, ...lost], LOG);
    expect(problems).toHaveLength(4);
    expect(problems[0]).toBe("c was told that b is 2 at version 8, and the log has no such change");
  });
});
