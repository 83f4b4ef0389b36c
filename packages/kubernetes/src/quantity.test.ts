import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decodeBase64 } from "./base64.ts";
import { bytesOf, nanoCpusOf, parseQuantity } from "./quantity.ts";

describe("quantities", () => {
  it.each([
    ["100m", 1e8],
    ["0.5", 5e8],
    ["1", 1e9],
    ["2.", 2e9],
    [".1", 1e8],
    ["1e-1", 1e8],
    ["1n", 1],
    ["0.1n", 1],
  ])("%s of CPU", (text, nano) => expect(nanoCpusOf(text)).toBe(nano));

  it.each([
    ["128Mi", 128 * 2 ** 20],
    ["1Gi", 2 ** 30],
    ["1.5k", 1500],
    ["1M", 1e6],
    ["129e6", 129e6],
    ["128974848000m", 128_974_848],
    ["16Ei", undefined],
  ])("%s of memory", (text, bytes) => expect(bytesOf(text)).toBe(bytes));

  it.each(["", "-1", "1 Mi", "1mi", "1K", "Mi", "1e", "1e5Mi", "0x1", "1_0"])("%s is none", (text) =>
    expect(parseQuantity(text)).toBeUndefined(),
  );

  it("are exact for every count of thousandths and mebibytes", () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), (count) => {
        expect(nanoCpusOf(`${count}m`)).toBe(count * 1e6);
        expect(nanoCpusOf((count / 1000).toFixed(3))).toBe(count * 1e6);
        expect(bytesOf(`${count}Mi`)).toBe(count * 2 ** 20);
      }),
    );
  });
});

describe("base64", () => {
  it("is decoded as the runtime does it", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeBase64(Buffer.from(bytes).toString("base64"))).toEqual(bytes);
      }),
    );
  });
  it.each(["a", "a===", "ab!=", "aGk"])("%s is none", (text) => expect(decodeBase64(text)).toBeUndefined());
});
