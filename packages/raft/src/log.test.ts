import { AssertionError } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { Log } from "./log.ts";
import { entryBytes, type Entry, type Term } from "./types.ts";

/** Entries from `first` on with these terms, each with one byte of data. */
const entries = (first: number, ...terms: Term[]): Entry[] =>
  terms.map((term, at) => ({ index: first + at, term, kind: "normal", data: new Uint8Array(1) }));
const logOf = (...terms: Term[]): Log =>
  new Log({ boundary: { index: 0, term: 0 }, entries: entries(1, ...terms), commit: 0, applied: 0 });
const SIZE = entryBytes({ index: 1, term: 1, kind: "normal", data: new Uint8Array(1) });

describe("a log", () => {
  it("knows terms from its boundary to its end", () => {
    const log = new Log({ boundary: { index: 4, term: 2 }, entries: entries(5, 3, 3), commit: 5, applied: 4 });
    expect([3, 4, 5, 6, 7].map((index) => log.termAt(index))).toEqual([undefined, 2, 3, 3, undefined]);
    expect(log).toMatchObject({ firstIndex: 5, lastIndex: 6, lastTerm: 3, commit: 5 });
  });

  it("keeps what it has of an append, and cuts at the first difference only", () => {
    const log = logOf(1, 1, 2, 2);
    expect(log.merge(entries(2, 1, 2))).toBeUndefined();
    expect(log.lastIndex).toBe(4);
    expect(log.merge(entries(3, 2, 3, 3))).toBe(3);
    expect(log).toMatchObject({ lastIndex: 5, lastTerm: 3 });
  });

  it("never cuts what is committed", () => {
    const log = logOf(1, 1, 1);
    log.commitTo(2);
    expect(() => log.merge(entries(2, 2))).toThrow(AssertionError);
  });

  it("refuses gaps, falling terms, and a commit index beyond its end", () => {
    const log = logOf(1, 2);
    expect(() => log.append(entries(4, 2))).toThrow("gaps");
    expect(() => log.append(entries(3, 1))).toThrow("terms never fall");
    expect(() => log.commitTo(3)).toThrow("lost");
  });

  it("finds the last place where logs may agree, a term at a time", () => {
    const log = logOf(1, 1, 3, 3, 3, 5);
    expect(log.lastAgreeing({ index: 6, term: 4 })).toEqual({ index: 5, term: 3 });
    expect(log.lastAgreeing({ index: 5, term: 2 })).toEqual({ index: 2, term: 1 });
    expect(log.lastAgreeing({ index: 9, term: 5 })).toEqual({ index: 6, term: 5 });
    expect(log.lastAgreeing({ index: 4, term: 0 })).toEqual({ index: 0, term: 0 });
  });

  it("slices by bytes, and gives nothing when the first entry does not fit", () => {
    const log = logOf(1, 1, 1);
    expect(log.slice(2, 2 * SIZE).map(({ index }) => index)).toEqual([2, 3]);
    expect(log.slice(1, 2 * SIZE - 1)).toHaveLength(1);
    expect(log.slice(1, SIZE - 1)).toHaveLength(0);
  });

  it("gives committed entries in bounded batches, and at least one", () => {
    const log = logOf(1, 1, 1, 1, 1);
    log.commitTo(5);
    const take = (upTo: number): number[] => log.takeCommitted(upTo, 2 * SIZE).map(({ index }) => index);
    expect(take(5)).toEqual([1, 2]);
    expect(log.canGive(5, 2 * SIZE)).toBe(false);
    expect(take(5)).toEqual([]);
    log.appliedTo(1);
    expect(take(5)).toEqual([3]);
    log.appliedTo(3);
    expect(take(4)).toEqual([4]);
    log.appliedTo(4);
    expect(log.takeCommitted(5, 1).map(({ index }) => index)).toEqual([5]);
    expect(() => log.appliedTo(6)).toThrow("given out");
  });

  it("counts what is not committed", () => {
    const log = logOf(1, 1, 1);
    log.commitTo(1);
    expect(log).toMatchObject({ uncommittedEntries: 2, uncommittedBytes: 2 * SIZE });
    log.merge(entries(2, 2));
    expect(log).toMatchObject({ uncommittedEntries: 1, uncommittedBytes: SIZE });
    log.commitTo(2);
    expect(log.uncommittedBytes).toBe(0);
  });

  it("compacts what is applied, and keeps the term at the boundary", () => {
    const log = logOf(1, 2, 3);
    log.commitTo(2);
    log.takeCommitted(3, 1000);
    log.appliedTo(2);
    log.compact(2);
    expect(log.boundary).toEqual({ index: 2, term: 2 });
    expect(log.termAt(1)).toBeUndefined();
    expect(log).toMatchObject({ firstIndex: 3, lastIndex: 3 });
    expect(() => log.compact(3)).toThrow("applied");
    log.compact(1);
    expect(log.boundary.index).toBe(2);
  });

  it("is replaced by a snapshot that is ahead, and only by such a one", () => {
    const log = logOf(1, 1, 1);
    log.commitTo(2);
    expect(() => log.restore({ index: 2, term: 1 })).toThrow("committed");
    log.restore({ index: 9, term: 4 });
    expect(log).toMatchObject({ firstIndex: 10, lastIndex: 9, lastTerm: 4, commit: 9, uncommittedBytes: 0 });
    log.append(entries(10, 5));
    log.commitTo(10);
    expect(log.takeCommitted(10, 1000).map(({ index }) => index)).toEqual([10]);
  });
});
