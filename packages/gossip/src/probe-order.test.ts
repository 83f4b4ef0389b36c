import { nodeId, SeededRandom, type NodeId } from "@murmur/base";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { ProbeOrder } from "./probe-order.ts";

const ids = (count: number): NodeId[] => Array.from({ length: count }, (_, index) => nodeId(`n${index}`));

it("takes everybody once in each round, in changing order", () => {
  const order = new ProbeOrder(new SeededRandom(1));
  for (const id of ids(20)) order.add(id);
  const rounds = [1, 2, 3].map(() => ids(20).map(() => order.next(() => true)));
  for (const round of rounds) expect(new Set(round)).toEqual(new Set(ids(20)));
  expect(rounds[1]).not.toEqual(rounds[2]);
});

it("lets nobody wait for two rounds", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 2, max: 12 }), (seed, count) => {
      const order = new ProbeOrder(new SeededRandom(seed));
      const waited = new Map(ids(count).map((id) => [id, 0]));
      for (const id of ids(count)) order.add(id);
      for (let step = 0; step < 5 * count; step += 1) {
        const chosen = order.next(() => true);
        for (const [id, steps] of waited) waited.set(id, id === chosen ? 0 : steps + 1);
        expect(Math.max(...waited.values())).toBeLessThan(2 * count);
      }
    }),
  );
});

it("puts a newcomer into what remains of the round", () => {
  const order = new ProbeOrder(new SeededRandom(2));
  for (const id of ids(10)) order.add(id);
  for (let step = 0; step < 5; step += 1) order.next(() => true);
  order.add(nodeId("new"));
  const rest = Array.from({ length: 6 }, () => order.next(() => true));
  expect(rest).toContain("new");
});

it("drops whom it may not take until they are added again, and ends when nobody is left", () => {
  const order = new ProbeOrder(new SeededRandom(3));
  for (const id of ids(3)) order.add(id);
  expect(order.next(() => false)).toBeUndefined();
  expect(order.next(() => true)).toBeUndefined();
  order.add(nodeId("n1"));
  order.add(nodeId("n1"));
  expect([order.next(() => true), order.next(() => true)]).toEqual(["n1", "n1"]);
});
