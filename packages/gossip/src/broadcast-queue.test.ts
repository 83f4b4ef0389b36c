import { nodeId } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BroadcastQueue } from "./broadcast-queue.ts";
import type { Rumor } from "./packet.ts";
import { rumorBytes } from "./rumor-codec.ts";
import { arbitraryRumor } from "./testing/arbitraries.ts";

const alive = (id: string, incarnation = 1): Rumor => ({
  kind: "alive",
  id: nodeId(id),
  incarnation,
  address: "a:1",
  meta: new Uint8Array(),
});
const suspect = (id: string, from: string): Rumor => ({
  kind: "suspect",
  id: nodeId(id),
  incarnation: 1,
  from: nodeId(from),
});
const fact = (key: string, sequence: number, ttlMs = 1_000): Rumor => ({
  kind: "publication",
  origin: nodeId("o"),
  key,
  sequence,
  payload: new Uint8Array(),
  ttlMs,
});
const all = { bytesMax: 10_000, sentMax: 100, now: 0 };

describe("BroadcastQueue", () => {
  it("gives the least sent first, and of those the newest", () => {
    const queue = new BroadcastQueue(10);
    queue.add(alive("a"), 0);
    queue.add(alive("b"), 0);
    const one = { ...all, bytesMax: rumorBytes(alive("a")) };
    expect(queue.take(one)).toEqual([alive("b")]);
    queue.add(alive("c"), 0);
    expect([queue.take(one), queue.take(one)]).toEqual([[alive("c")], [alive("a")]]);
  });

  it("drops a rumour that was sent often enough", () => {
    const queue = new BroadcastQueue(10);
    queue.add(alive("a"), 0);
    const twice = { ...all, sentMax: 2 };
    expect([queue.take(twice), queue.has(alive("a")), queue.take(twice), queue.has(alive("a"))]).toEqual([
      [alive("a")],
      true,
      [alive("a")],
      false,
    ]);
  });

  it("replaces what is known better", () => {
    const queue = new BroadcastQueue(10);
    for (const rumor of [alive("a"), suspect("a", "x"), suspect("a", "y"), suspect("a", "x"), suspect("b", "x")])
      queue.add(rumor, 0);
    expect(queue.size).toBe(4);
    queue.add(alive("a", 2), 0);
    expect(queue.take(all)).toEqual([alive("a", 2), suspect("b", "x")]);
    queue.add(fact("k", 1), 0);
    queue.add(fact("k", 2), 0);
    queue.add(fact("l", 3), 0);
    expect(queue.take({ ...all, bytesMax: 2 * rumorBytes(fact("k", 2)) })).toEqual([fact("l", 3), fact("k", 2)]);
  });

  it("takes the time that it waited off a publication, and drops one that is over", () => {
    const queue = new BroadcastQueue(10);
    queue.add(fact("k", 1, 500), 1_000);
    expect(queue.take({ ...all, now: 1_300 })).toEqual([fact("k", 1, 200)]);
    expect(queue.take({ ...all, now: 1_500 })).toEqual([]);
    expect(queue.size).toBe(0);
  });

  it("drops accusations when told to", () => {
    const queue = new BroadcastQueue(10);
    for (const rumor of [alive("a"), suspect("b", "x"), fact("k", 1)]) queue.add(rumor, 0);
    queue.add({ kind: "dead", id: nodeId("c"), incarnation: 1, from: nodeId("x") }, 0);
    queue.dropAccusations();
    expect(queue.take(all)).toEqual([fact("k", 1), alive("a")]);
  });

  it("makes room by dropping the most often sent", () => {
    const queue = new BroadcastQueue(2);
    queue.add(alive("a"), 0);
    queue.take(all);
    queue.add(alive("b"), 0);
    queue.add(alive("c"), 0);
    expect(queue.take(all)).toEqual([alive("c"), alive("b")]);
    expect(queue.dropped).toBe(1);
  });

  it("never exceeds its limits, and sends each rumour at most as often as told", () => {
    const limits = fc.record({ bytesMax: fc.nat({ max: 1_200 }), sentMax: fc.integer({ min: 1, max: 4 }) });
    const steps = fc.array(fc.oneof(arbitraryRumor, limits), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (script) => {
        const queue = new BroadcastQueue(8);
        for (const step of script) {
          if ("kind" in step) queue.add(step, 0);
          else {
            const taken = queue.take({ ...step, now: 0 });
            const bytes = taken.reduce((sum, rumor) => sum + rumorBytes(rumor), 0);
            expect(bytes).toBeLessThanOrEqual(step.bytesMax);
          }
          expect(queue.size).toBeLessThanOrEqual(8);
        }
        for (let round = 0; round < 4; round += 1) queue.take({ bytesMax: 1_000_000, sentMax: 4, now: 0 });
        expect(queue.size).toBe(0);
      }),
    );
  });
});
