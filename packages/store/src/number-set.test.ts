import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NumberSet } from "./number-set.ts";

describe("a set of numbers", () => {
  it("says what a plain set says", () => {
    const numbers = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 140 })), { maxLength: 400, size: "max" });
    fc.assert(
      fc.property(numbers, fc.nat(140), fc.nat(150), (steps, start, end) => {
        const [set, plain] = [new NumberSet(), new Set<number>()];
        for (const [adds, number] of steps) {
          if (adds) set.add(number);
          else set.delete(number);
          if (adds) plain.add(number);
          else plain.delete(number);
        }
        for (let number = 0; number <= 150; number += 1) expect(set.has(number)).toBe(plain.has(number));
        let missing = start;
        while (plain.has(missing)) missing += 1;
        expect(set.firstMissing(start, end)).toBe(missing < end ? missing : undefined);
      }),
    );
  });

  it("passes over a long full stretch", () => {
    const set = new NumberSet();
    for (let number = 0; number < 100_000; number += 1) set.add(number);
    expect(set.firstMissing(7, 200_000)).toBe(100_000);
    expect(set.firstMissing(7, 100_000)).toBeUndefined();
  });
});
