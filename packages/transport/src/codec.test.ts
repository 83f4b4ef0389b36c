import { ClusterError } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeError, decodeMessage, decodeNamed, encodeError, encodeMessage, encodeNamed } from "./codec.ts";

it("uses no compiled decoder, whose strings would keep whole blocks of a message alive", async () => {
  expect(await import("msgpackr/pack")).toMatchObject({ isNativeAccelerationEnabled: false });
});

const MAX = 1_000_000;
const leaf = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.integer(),
  fc.maxSafeInteger(),
  // The sign of zero is lost.
  fc.double({ noNaN: true }).map((number) => (number === 0 ? 0 : number)),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
  fc.uint8Array(),
  fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(2 ** 41) }),
);
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.array(tie("value")),
    fc.dictionary(
      fc.string().filter((key) => key !== "__proto__"),
      tie("value"),
      { noNullPrototype: true },
    ),
  ),
})).value;

describe("messages", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(value, (message) => {
        expect(decodeMessage(encodeMessage(message, MAX))).toEqual(message);
      }),
    );
  });

  it("keep no bytes of the buffer they came in", () => {
    const bytes = new Uint8Array(encodeMessage({ data: new Uint8Array([1, 2, 3]) }, MAX));
    const message = decodeMessage(bytes);
    bytes.fill(0);
    expect(message).toEqual({ data: new Uint8Array([1, 2, 3]) });
  });

  it("that are damaged are refused, or are other plain messages", () => {
    fc.assert(
      fc.property(value, fc.nat(), fc.nat(255), (message, at, byte) => {
        const bytes = new Uint8Array(encodeMessage(message, MAX));
        bytes[at % bytes.length] = byte;
        try {
          decodeMessage(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: "corrupt" });
        }
      }),
      { numRuns: 500 },
    );
  });

  it("of random bytes are refused, whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeNamed(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: "corrupt" });
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each<[string, number[]]>([
    ["nothing", []],
    ["two values", [1, 2]],
    ["a length beyond the end", [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ["an array that isn't there", [0xdd, 0x01, 0xff, 0xff, 0xff]],
    ["a map that isn't there", [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ["a record", [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 1]],
    ["a map with a map as key", [0x81, 0x80, 1]],
    ["another extension", [0xc7, 1, 0x78, 0]],
    ["the token that is never used", [0xc1]],
    ["endless nesting", Array.from({ length: 10_000 }, () => 0x91)],
  ])("that are %s are refused", (_what, bytes) => {
    expect(() => decodeMessage(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ code: "corrupt" }));
  });

  it("that are too large say so", () => {
    expect(() => encodeNamed("x", new Uint8Array(2000), 1000)).toThrow(/larger than the 1000 allowed/);
  });
});

describe("errors", () => {
  it("keep code and message", () => {
    const error = decodeError(encodeError(new ClusterError("no_leader", "try\n again")));
    expect(error).toMatchObject({ code: "no_leader", message: "try again" });
    expect(decodeError(encodeError(new Error("x".repeat(5000)))).message).toHaveLength(2000);
  });

  it("of a code from another version are internal", () => {
    expect(decodeError(encodeMessage(["brand_new", "?"], MAX))).toMatchObject({ code: "internal", message: "?" });
    expect(() => decodeError(encodeMessage(7, MAX))).toThrow(/without code/);
  });
});
