import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap } from "./heap.ts";

describe("a heap", () => {
  it("gives its items in order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (numbers) => {
        const heap = new Heap([...numbers], (a, b) => a < b);
        const given: number[] = [];
        for (let top = heap.pop(); top !== undefined; top = heap.pop()) given.push(top);
        expect(given).toEqual([...numbers].sort((a, b) => a - b));
      }),
    );
  });

  it("stays in order when its top grows", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1 }), fc.array(fc.nat(5)), (numbers, growth) => {
        const heap = new Heap(
          numbers.map((value) => ({ value })),
          (a, b) => a.value < b.value,
        );
        for (const more of growth) {
          const top = heap.top();
          if (top !== undefined) top.value += more;
          heap.topChanged();
        }
        let last = -1;
        for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
          expect(top.value).toBeGreaterThanOrEqual(last);
          last = top.value;
        }
      }),
    );
  });
});
