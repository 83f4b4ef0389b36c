import * as fc from "fast-check";
import { expect, it } from "vitest";
import { decodeFrame, encodeCount, encodeFrame, readCount } from "./frame.ts";

const kinds = fc.constantFrom("ping", "message", "request", "data", "credit" as const);

it("reads back what it wrote", () => {
  fc.assert(
    fc.property(
      kinds,
      fc.nat(2 ** 32 - 1),
      fc.boolean(),
      fc.boolean(),
      fc.uint8Array(),
      (kind, id, more, bulk, payload) => {
        const read = decodeFrame(encodeFrame({ kind, id, more, bulk, payload }));
        expect(read).toMatchObject({ kind, id, more, bulk });
        expect([...(read?.payload ?? [])]).toEqual([...payload]);
      },
    ),
  );
});

it("reads any bytes without throwing", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => void decodeFrame(bytes)));
  expect(decodeFrame(new Uint8Array(4))).toBeUndefined();
});

it("carries counts of 32 bits", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), (count) => {
      expect(readCount(encodeCount(count))).toBe(count);
    }),
  );
  expect(readCount(new Uint8Array(3))).toBe(0);
});
