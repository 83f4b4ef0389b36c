import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventHeap } from "./event-heap.ts";

describe("EventHeap", () => {
  it("gives events by time, and those of one moment in the order in which they were added", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20 })), (times) => {
        const heap = new EventHeap();
        const given: number[] = [];
        times.forEach((at, index) => heap.add(at, () => given.push(index)));
        while (heap.next < Infinity) {
          const { next } = heap;
          const event = heap.take();
          expect(event.at).toBe(next);
          event.run();
        }
        const expected = times.map((at, index) => ({ at, index })).toSorted((a, b) => a.at - b.at || a.index - b.index);
        expect(given).toEqual(expected.map(({ index }) => index));
      }),
    );
  });

  it("takes in events while it gives them", () => {
    const heap = new EventHeap();
    const given: string[] = [];
    heap.add(2, () => given.push("second"));
    heap.add(1, () => {
      given.push("first");
      heap.add(1, () => given.push("also first"));
    });
    while (heap.next < Infinity) heap.take().run();
    expect(given).toEqual(["first", "also first", "second"]);
    expect(() => heap.take()).toThrow("an event waits");
  });
});
