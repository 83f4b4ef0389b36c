import { AssertionError } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { COUNTER_MAX } from "./limits.ts";

const written = (write: (writer: ByteWriter) => void): ByteReader => {
  const writer = new ByteWriter();
  write(writer);
  return new ByteReader(writer.take());
};

describe("ByteReader", () => {
  it("reads the numbers that ByteWriter wrote", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat({ max: 0xffff_ffff }), (large, small) => {
        const counter = large % (COUNTER_MAX + 1);
        const reader = written((writer) => {
          writer.counter(counter);
          writer.uint32(small);
        });
        expect([reader.counter(), reader.uint32(), reader.complete]).toEqual([counter, small, true]);
      }),
    );
  });

  it("reads the largest counter and refuses a larger one", () => {
    expect(written((writer) => writer.counter(COUNTER_MAX)).counter()).toBe(COUNTER_MAX);
    const larger = new ByteReader(new Uint8Array([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40]));
    expect([larger.counter(), larger.failed]).toEqual([0, true]);
    const endless = new ByteReader(new Uint8Array(20).fill(0xff));
    expect([endless.counter(), endless.failed]).toEqual([0, true]);
  });

  it.each([
    ["a counter with a needless byte", [0x80, 0x00], (reader: ByteReader) => reader.counter()],
    ["a flag of 2", [2], (reader: ByteReader) => reader.flag()],
    ["a text with a space", [1, 0x20], (reader: ByteReader) => reader.text(1, 9)],
    ["a text that is too long", [3, 97, 97, 97], (reader: ByteReader) => reader.text(1, 2)],
    ["an empty text where one is needed", [0], (reader: ByteReader) => reader.text(1, 2)],
    ["bytes that are missing", [4, 1, 2], (reader: ByteReader) => reader.bytes(9)],
    ["more bytes than allowed", [2, 1, 2], (reader: ByteReader) => reader.bytes(1)],
  ])("refuses %s", (_, bytes, read) => {
    const reader = new ByteReader(new Uint8Array(bytes));
    read(reader);
    expect(reader.failed).toBe(true);
  });

  it("gives empty values once it has failed", () => {
    const reader = new ByteReader(new Uint8Array([1, 1, 1, 1, 1]));
    reader.fail();
    expect([reader.byte(), reader.flag(), reader.text(0, 9), reader.counter()]).toEqual([0, false, "", 0]);
    expect(reader.bytes(9)).toEqual(new Uint8Array(0));
  });
});

describe("ByteWriter", () => {
  it("takes what cannot be sent for a bug", () => {
    const writer = new ByteWriter();
    expect(() => writer.byte(256)).toThrow(AssertionError);
    expect(() => writer.counter(COUNTER_MAX + 1)).toThrow(AssertionError);
    expect(() => writer.uint32(-1)).toThrow(AssertionError);
    expect(() => writer.text("x".repeat(256))).toThrow(AssertionError);
  });
});
