import { ManualClock } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Turns } from "./turns.ts";

const HELD_MS = 500;

/** Requests that are answered when the test says so, by the order in which they came. */
function requests(places: number) {
  const clock = new ManualClock();
  const turns = new Turns({ places, heldMs: HELD_MS, clock });
  const begun: number[] = [];
  const begunAt: number[] = [];
  const answers: (() => void)[] = [];
  const answered: number[] = [];
  const come = (): number => {
    const id = answers.length;
    const { promise, resolve } = Promise.withResolvers<void>();
    answers.push(resolve);
    void turns
      .take(async () => {
        begun.push(id);
        begunAt.push(clock.monotonic());
        await promise;
      })
      .then(() => answered.push(id));
    return id;
  };
  const answer = async (id: number): Promise<void> => {
    answers[id]?.();
    await clock.advance(0);
  };
  return { clock, turns, begun, begunAt, answered, come, answer };
}

describe("taking turns", () => {
  it("works on so many at once, and on the others in the order in which they came", async () => {
    const { clock, turns, begun, come, answer } = requests(2);
    for (let count = 0; count < 5; count += 1) come();
    await clock.advance(0);
    expect([begun, turns.waiting]).toEqual([[0, 1], 3]);
    await answer(1);
    expect(begun).toEqual([0, 1, 2]);
    await answer(0);
    await answer(2);
    expect([begun, turns.waiting]).toEqual([[0, 1, 2, 3, 4], 0]);
  });

  it("has nobody wait for a request that lasts, and counts it only once", async () => {
    const { clock, turns, begun, answered, come, answer } = requests(2);
    come();
    await clock.advance(HELD_MS - 100);
    for (let count = 0; count < 4; count += 1) come();
    await clock.advance(99);
    expect(begun).toEqual([0, 1]);
    await clock.advance(1);
    expect(begun).toEqual([0, 1, 2]);
    // Its place has gone to another one already.
    await answer(0);
    expect([begun, turns.waiting]).toEqual([[0, 1, 2], 2]);
    await clock.advance(HELD_MS);
    expect([begun, turns.waiting]).toEqual([[0, 1, 2, 3, 4], 0]);
    for (const id of [1, 2, 3, 4]) await answer(id);
    expect([answered, clock.pending]).toEqual([[0, 1, 2, 3, 4], 0]);
  });

  it("has the others wait to the end where a place is given away never, and sets no timer", async () => {
    const clock = new ManualClock();
    const turns = new Turns({ places: 1, clock });
    const { promise, resolve } = Promise.withResolvers<string>();
    const begun = turns.take(() => promise);
    const next = turns.take(() => Promise.resolve("next"));
    await clock.advance(3_600_000);
    expect([turns.waiting, clock.pending]).toEqual([1, 0]);
    resolve("first");
    expect([await begun, await next, turns.waiting]).toEqual(["first", "next", 0]);
  });

  it("frees the place of a request that failed", async () => {
    const turns = new Turns({ places: 1, heldMs: HELD_MS, clock: new ManualClock() });
    const failed = turns.take(() => Promise.reject(new Error("no")));
    const next = turns.take(() => Promise.resolve("done"));
    await expect(failed).rejects.toThrow("no");
    expect(await next).toBe("done");
  });

  it("lets everybody in at the end, and leaves no timer", async () => {
    const { clock, turns, begun, come } = requests(1);
    for (let count = 0; count < 3; count += 1) come();
    await clock.advance(0);
    turns[Symbol.dispose]();
    await clock.advance(0);
    come();
    await clock.advance(0);
    expect([begun, turns.waiting, clock.pending]).toEqual([[0, 1, 2, 3], 0, 0]);
  });

  it("whatever comes, ends and lasts: nobody overtakes, no place is lost, and none is held for long", async () => {
    const step = fc.oneof(
      fc.constant("come" as const),
      fc.record({ end: fc.nat() }),
      fc.record({ passMs: fc.integer({ min: 1, max: 2 * HELD_MS }) }),
    );
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 60 }),
      async (places, steps) => {
        const { clock, turns, begun, begunAt, answered, come, answer } = requests(places);
        const inHand = (): number[] => begun.filter((id) => !answered.includes(id));
        for (const one of steps) {
          if (one === "come") come();
          else if ("passMs" in one) await clock.advance(one.passMs);
          else await answer(inHand()[one.end % Math.max(1, inHand().length)] ?? -1);
          await clock.advance(0);
          expect(begun).toEqual(begun.map((_id, at) => at));
          const young = inHand().filter((id) => clock.monotonic() - (begunAt[id] ?? 0) < HELD_MS);
          expect(young.length).toBeLessThanOrEqual(places);
          if (turns.waiting > 0) expect(young.length).toBe(places);
          expect(clock.pending).toBeLessThanOrEqual(1);
        }
        while (turns.waiting > 0) await clock.advance(HELD_MS);
        for (const id of inHand()) await answer(id);
        expect([answered.length, clock.pending]).toEqual([steps.filter((one) => one === "come").length, 0]);
      },
    );
    await fc.assert(property);
  });
});
