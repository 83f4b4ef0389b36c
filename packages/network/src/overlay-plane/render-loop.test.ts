import { ManualClock, silentLog } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { RenderLoop } from "./render-loop.ts";

/** A loop whose renderings come out one after the other as told; after these all goes right. */
function loopOf(...outcomes: readonly (readonly string[] | Error)[]) {
  const clock = new ManualClock();
  const left = [...outcomes];
  let renders = 0;
  let recovered = 0;
  const render = async (): Promise<readonly string[]> => {
    renders += 1;
    const outcome = left.shift() ?? [];
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  const loop = new RenderLoop({ render, onRecovered: () => (recovered += 1), clock, log: silentLog });
  return { clock, loop, renders: () => renders, recovered: () => recovered };
}

/** How a promise has come out so far. */
function watched(promise: Promise<unknown>): { state: string } {
  const seen = { state: "waiting" };
  promise.then(
    () => (seen.state = "done"),
    (error: unknown) => (seen.state = error instanceof Error ? error.message : String(error)),
  );
  return seen;
}

describe("a render loop", () => {
  it("renders once what is asked for together", async () => {
    const { clock, loop, renders } = loopOf();
    const [one, other] = [watched(loop.rendered()), watched(loop.rendersRight())];
    loop.request();
    await clock.advance(5);
    expect([one.state, other.state, renders()]).toEqual(["done", "done", 1]);
    await clock.advance(60_000);
    expect(renders()).toBe(1);
  });

  it.each([[["nft: no"]], [new Error("nft is missing")]])(
    "tries again what failed (%s), and says when it is over",
    async (failure) => {
      const { clock, loop, renders, recovered } = loopOf(failure, failure);
      const [any, right] = [watched(loop.rendered()), watched(loop.rendersRight())];
      await clock.advance(5);
      expect([any.state, right.state]).toEqual(["done", "waiting"]);
      await clock.advance(250);
      expect([renders(), right.state, recovered()]).toEqual([2, "waiting", 0]);
      const late = watched(loop.rendersRight());
      await clock.advance(500);
      expect([renders(), right.state, late.state, recovered()]).toEqual([3, "done", "done", 1]);
    },
  );

  it("tries what fails for ever less and less often, at least every ten seconds", async () => {
    const { clock, loop, renders } = loopOf(...Array.from({ length: 100 }, () => ["nft: no"]));
    const right = watched(loop.rendersRight());
    await clock.advance(60_000);
    const first = renders();
    expect(first).toBeLessThanOrEqual(12);
    await clock.advance(10_000);
    expect([renders(), right.state]).toEqual([first + 1, "waiting"]);
  });

  it("says to those who wait that it is closed", async () => {
    const { clock, loop } = loopOf(["nft: no"]);
    const right = watched(loop.rendersRight());
    await clock.advance(5);
    await loop[Symbol.asyncDispose]();
    await clock.advance(0);
    expect(right.state).toBe("the overlay is being closed");
    const late = watched(loop.rendersRight());
    await clock.advance(0);
    expect(late.state).toBe("the overlay is being closed");
  });
});
