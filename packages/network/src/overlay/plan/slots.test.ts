import { describe, expect, it } from "vitest";
import { SLOTS_MAX, sourceSlots, spreadOver } from "./slots.ts";

const candidates = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    id: `task${String(at)}`,
    address: `10.0.${String(at >> 8)}.${String(at & 0xff)}`,
  }));

const countsOf = (slots: readonly string[]): readonly number[] => {
  const counts = new Map<string, number>();
  for (const slot of slots) counts.set(slot, (counts.get(slot) ?? 0) + 1);
  return [...counts.values()];
};

describe("sourceSlots", () => {
  it.each([1, 2, 3, 7, 10, 100, SLOTS_MAX])(
    "gives each of %i tasks its share, and no more than one above it",
    (count) => {
      const slots = sourceSlots(candidates(count));
      expect(Math.max(...countsOf(slots))).toBe(Math.ceil(slots.length / count));
      expect(new Set(slots).size).toBe(count);
    },
  );

  it.each([3, 10, 30])("moves few clients of %i tasks when one goes", (count) => {
    const all = candidates(count);
    const before = sourceSlots(all);
    const after = sourceSlots(all.filter((_, at) => at !== 1));
    const gone = all[1]?.address;
    expect(after.length).toBe(before.length);
    const moved = before.filter((slot, at) => slot !== gone && slot !== after[at]).length;
    expect(moved / before.length).toBeLessThan(0.1);
  });
});

describe("spreadOver", () => {
  it("takes everybody, sorted, as long as there are not too many", () => {
    const all = candidates(30);
    expect(spreadOver(all.toReversed(), "n1")).toEqual(all.toSorted((left, right) => (left.id < right.id ? -1 : 1)));
  });

  it("takes others on each node, and the same on the same", () => {
    const all = candidates(3 * SLOTS_MAX);
    const [one, two] = [spreadOver(all, "n1"), spreadOver(all, "n2")];
    expect([one.length, two.length]).toEqual([SLOTS_MAX, SLOTS_MAX]);
    expect(spreadOver(all.toReversed(), "n1")).toEqual(one);
    const shared = one.filter((candidate) => two.includes(candidate)).length;
    expect(shared).toBeLessThan(SLOTS_MAX / 2);
  });
});
