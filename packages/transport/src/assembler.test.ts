import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Assembler, CHUNK_BYTES_MIN } from "./assembler.ts";
import { decodeFrame, type Frame } from "./frame.ts";
import { OutgoingItem } from "./outgoing-item.ts";

const frame = (id: number, bytes: number, more: boolean): Frame => ({
  kind: "request",
  id,
  more,
  bulk: false,
  payload: new Uint8Array(bytes),
});

it("puts together what was cut, however the items are interleaved", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 8000 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(sizes, fc.infiniteStream(fc.nat()), (lengths, turns) => {
      const assembler = new Assembler({ itemBytesMax: 8000, totalBytesMax: 40_000 });
      const items = lengths.map((length, id) => new OutgoingItem("request", id, new Uint8Array(length).fill(id)));
      const got = new Map<number, Uint8Array>();
      for (let open = items; open.length > 0; open = open.filter((item) => item.ready)) {
        const item = open[(turns.next().value ?? 0) % open.length];
        const decoded = decodeFrame(item?.nextFrame(1024) ?? new Uint8Array(0));
        if (decoded === undefined) continue;
        const whole = assembler.add(decoded);
        if (whole !== undefined) got.set(decoded.id, whole);
      }
      expect(assembler.unfinished).toBe(0);
      for (const [id, length] of lengths.entries()) {
        expect(got.get(id)?.length).toBe(length);
        expect(got.get(id)?.every((byte) => byte === id)).toBe(true);
      }
    }),
  );
});

it("holds no more than its limits", () => {
  const limits = { itemBytesMax: 3000, totalBytesMax: 4000 };
  expect(() => new Assembler(limits).add(frame(1, 3001, false))).toThrow(/beyond the limit/);
  const one = new Assembler(limits);
  one.add(frame(1, 2000, true));
  expect(() => one.add(frame(1, 1001, false))).toThrow(/beyond the limit/);
  const many = new Assembler(limits);
  many.add(frame(1, 2000, true));
  many.add(frame(2, 2000, true));
  expect(() => many.add(frame(3, CHUNK_BYTES_MIN, true))).toThrow(/too many/);
  many.drop(1);
  many.add(frame(3, CHUNK_BYTES_MIN, true));
  expect(() => many.add(frame(4, CHUNK_BYTES_MIN - 1, true))).toThrow(/too small/);
  expect(() => many.add({ ...frame(2, 600, true), kind: "response" })).toThrow(/mixed/);
});
