import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatIpAddress, parseIpAddress, type IpAddress } from "./ip-address.ts";
import { blockAround, formatIpBlock, holdsAddress, overlaps, parseIpBlock } from "./ip-block.ts";

/** Mostly zeros, as real addresses are. */
const groups = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff })), {
  minLength: 8,
  maxLength: 8,
});
const address: fc.Arbitrary<IpAddress> = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map((value) => ({ family: 4 as const, value })),
  groups.map((parts) => ({ family: 6 as const, value: parts.reduce((sum, part) => (sum << 16n) | BigInt(part), 0n) })),
);
const block = fc
  .tuple(address, fc.nat(128))
  .map(([start, length]) => blockAround(start, start.family === 4 ? length % 33 : length))
  .filter((found) => found !== undefined);

describe("an address", () => {
  it("that was written is read as the same", () => {
    fc.assert(
      fc.property(address, (given) => {
        expect(parseIpAddress(formatIpAddress(given))).toEqual(given);
      }),
    );
  });

  it("has one way to be written, however it came", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const read = parseIpAddress(text);
        expect(read).toBeDefined();
        if (read === undefined) return;
        const written = formatIpAddress(read);
        expect(parseIpAddress(text.toUpperCase())).toEqual(read);
        expect(formatIpAddress(parseIpAddress(written) ?? read)).toBe(written);
        expect(new URL(`http://${read.family === 6 ? `[${written}]` : written}`).hostname).toBe(
          read.family === 6 ? `[${written}]` : written,
        );
      }),
    );
  });

  it.each([
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
    ["0:0:0:0:0:0:10.0.0.1", "::a00:1"],
    ["::", "::"],
    ["fe80::", "fe80::"],
  ])("%s is written %s", (text, written) => {
    const read = parseIpAddress(text);
    expect(read && formatIpAddress(read)).toBe(written);
  });

  it.each([
    "",
    "1.2.3",
    "1.2.3.256",
    "1.2.3.04",
    "1.2.3.4.5",
    "1.2.3.4 ",
    "0x1.2.3.4",
    ":",
    ":::",
    "1::2::3",
    "::1:",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4::5:6:7:8",
    "12345::",
    "10.0.0.1::",
    "::10.0.0.1:1",
    "fe80::1%eth0",
    "[::1]",
  ])("'%s' is none", (text) => expect(parseIpAddress(text)).toBeUndefined());

  it("is read from any text without a throw", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from("0129af:./ x")) }),
        (text) => void parseIpAddress(text),
      ),
    );
  });
});

describe("a block", () => {
  it("that was written is read as the same", () => {
    fc.assert(
      fc.property(block, (given) => {
        expect(parseIpBlock(formatIpBlock(given))).toEqual(given);
      }),
    );
  });

  it("holds the addresses from its first to its last and no others", () => {
    fc.assert(
      fc.property(block, address, (given, other) => {
        const { family, first, last } = given;
        expect(last - first + 1n).toBe(1n << BigInt((family === 4 ? 32 : 128) - given.length));
        for (const value of [first, last]) expect(holdsAddress(given, { family, value })).toBe(true);
        for (const value of [first - 1n, last + 1n]) expect(holdsAddress(given, { family, value })).toBe(false);
        const isInside = other.family === family && blockAround(other, given.length)?.first === first;
        expect(holdsAddress(given, other)).toBe(isInside);
      }),
    );
  });

  it("overlaps another when one holds the other's beginning", () => {
    fc.assert(
      fc.property(block, block, (left, right) => {
        const begins =
          holdsAddress(left, { family: right.family, value: right.first }) ||
          holdsAddress(right, { family: left.family, value: left.first });
        expect(overlaps(left, right)).toBe(begins);
        expect(overlaps(right, left)).toBe(begins);
      }),
    );
  });

  it.each(["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0.0/8/8", "/8", "10.0.0.0/-1"])(
    "'%s' is none",
    (text) => expect(parseIpBlock(text)).toBeUndefined(),
  );
});
