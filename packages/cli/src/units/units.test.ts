import { codeOf, messageOf } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutAssignment } from "./assignment.ts";
import { parseBytes } from "./bytes.ts";
import { parseCpus } from "./cpus.ts";
import { formatDuration, parseDuration } from "./duration.ts";
import { parseCount, parsePort, parseRatio } from "./number.ts";
import { splitShellWords } from "./shell-words.ts";

const thrown = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("units", () => {
  it.each([
    ["512M", 512 * 2 ** 20],
    ["64m", 64 * 2 ** 20],
    ["1.5G", 1.5 * 2 ** 30],
    ["64MiB", 64 * 2 ** 20],
    ["1kb", 1024],
    ["2 GB", 2 * 2 ** 30],
    ["1024", 1024],
    ["7b", 7],
    ["0", 0],
  ])("%s is %d bytes", (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each([
    ["0.5", 500_000_000],
    ["2", 2_000_000_000],
    [".25", 250_000_000],
    ["1.", 1_000_000_000],
    ["0.000000001", 1],
  ])("%s CPUs are %d billionths", (text, nano) => expect(parseCpus(text)).toBe(nano));

  it.each([
    ["10s", 10e9],
    ["1m30s", 90e9],
    ["500ms", 5e8],
    ["1.5h", 5400e9],
    ["0", 0],
    ["3us", 3000],
    ["3µs", 3000],
    ["1h1m1s1ms1us1ns", 3661001001001],
    ["8760h", 31_536_000_000_000_000],
  ])("%s is %d ns", (text, nanoseconds) => expect(parseDuration(text)).toBe(nanoseconds));

  it.each([
    ["a b  c", ["a", "b", "c"]],
    ["sh -c 'echo \"hi\" there'", ["sh", "-c", 'echo "hi" there']],
    ['a "b\\"c" d\\ e', ["a", 'b"c', "d e"]],
    ["''", [""]],
    ['"\\n"', ["\\n"]],
    ["", []],
  ])("%s is split as a shell does", (text, words) => expect(splitShellWords(text)).toEqual(words));

  it("writes durations as it reads them", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 14 }), (nanoseconds) => {
        expect(parseDuration(formatDuration(nanoseconds))).toBe(nanoseconds);
      }),
    );
  });

  it("reads every decimal number of CPUs exactly", () => {
    fc.assert(
      fc.property(fc.nat(4096), fc.nat(999_999_999), (whole, nano) => {
        expect(parseCpus(`${String(whole)}.${String(nano).padStart(9, "0")}`)).toBe(whole * 1e9 + nano);
      }),
    );
  });

  it("splits what was quoted into the words again", () => {
    const quote = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        expect(splitShellWords(words.map(quote).join(" "))).toEqual(words);
      }),
    );
  });

  const PARSERS = {
    parseBytes,
    parseCpus,
    parseDuration,
    parseCount,
    parsePort,
    parseRatio,
    cutAssignment,
    splitShellWords,
  };
  it.each(Object.entries(PARSERS))("%s answers any text with a value or one clear line", (_name, parse) => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.:hms kMGb=-]{0,8}$/)), (text) => {
        const error = thrown(() => {
          const value = parse(text);
          if (typeof value === "number") expect(Number.isFinite(value) && value >= 0).toBe(true);
        });
        if (error === undefined) return;
        expect(codeOf(error)).toBe("invalid_argument");
        expect(messageOf(error)).not.toBe("");
      }),
    );
  });

  it.each([
    [() => parseBytes("12Q"), "invalid size '12Q': give a number and a unit, such as 512M or 1.5G"],
    [() => parseBytes("-1"), "invalid size '-1'"],
    [() => parseCpus("a"), "invalid number of CPUs 'a': give a decimal, such as 0.5"],
    [() => parseCpus("0.0000000001"), "no more than nine decimals"],
    [() => parseDuration("10"), "invalid duration '10': give a number and a unit, such as 10s or 1m30s"],
    [() => parseCount("-1"), "invalid number '-1'"],
    [() => parsePort("0"), "give a number from 1 to 65535"],
    [() => parseRatio("1.1"), "invalid ratio '1.1'"],
    [() => splitShellWords("a 'b"), "has a quote that isn't closed"],
  ])("says what is wrong and what is right: %#", (work, message) => expect(messageOf(thrown(work))).toContain(message));
});
