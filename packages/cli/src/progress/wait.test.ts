import { ManualClock } from "@murmur/base";
import type { Service } from "@murmur/api";
import { expect, it } from "vitest";
import { aService, aTask, type TaskStart } from "../testing/objects.ts";
import { NO_DISPLAY } from "./display.ts";
import { NOTHING_BEFORE } from "./judge.ts";
import { pictureOf, type Picture } from "./picture.ts";
import { NO_NODE_MS, STABLE_MS, STUCK_MS, waitForService, type Outcome } from "./wait.ts";

const web = aService("web");
const picture = (tasks: readonly TaskStart[], service: Service = web): Picture =>
  pictureOf(
    service,
    tasks.map((start) => aTask(service, start)),
  );
const RUNNING = picture([{ slot: 1 }, { slot: 2 }]);
const STARTING = picture([{ slot: 1 }, { slot: 2, state: "starting" }]);

/** A wait whose pictures and time are the test's to give. */
function waiting(): {
  readonly clock: ManualClock;
  readonly show: (picture: Picture) => Promise<void>;
  readonly fail: (error: Error) => void;
  readonly interrupt: () => void;
  readonly outcome: Promise<Outcome>;
} {
  const clock = new ManualClock();
  const abort = new AbortController();
  let next = Promise.withResolvers<Picture>();
  async function* pictures(): AsyncGenerator<Picture, void, undefined> {
    for (;;) {
      const shown = await next.promise;
      next = Promise.withResolvers<Picture>();
      yield shown;
    }
  }
  const outcome = waitForService(pictures(), {
    baseline: NOTHING_BEFORE,
    display: NO_DISPLAY,
    clock,
    signal: abort.signal,
  });
  const show = async (shown: Picture): Promise<void> => {
    next.resolve(shown);
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  return { clock, show, fail: (error) => next.reject(error), interrupt: () => abort.abort(), outcome };
}

const isOpen = (outcome: Promise<Outcome>): Promise<boolean> =>
  Promise.race([outcome.then(() => false), Promise.resolve().then(() => true)]);

it("ends when the service has been whole for a second", async () => {
  const { clock, show, outcome } = waiting();
  await show(STARTING);
  await clock.advance(60_000);
  await show(RUNNING);
  await clock.advance(STABLE_MS - 1);
  expect(await isOpen(outcome)).toBe(true);
  await show(RUNNING);
  await clock.advance(1);
  expect(await outcome).toEqual({ kind: "converged" });
});

it("begins to count anew when a task goes down in between", async () => {
  const { clock, show, outcome } = waiting();
  await show(RUNNING);
  await clock.advance(STABLE_MS - 1);
  await show(STARTING);
  await clock.advance(STABLE_MS);
  expect(await isOpen(outcome)).toBe(true);
  await show(RUNNING);
  await clock.advance(STABLE_MS);
  expect(await outcome).toEqual({ kind: "converged" });
});

it("gives up on what isn't replaced, after a while", async () => {
  const { clock, show, outcome } = waiting();
  await show(picture([{ slot: 1 }, { slot: 2, state: "complete", desired: "shutdown" }]));
  await clock.advance(STUCK_MS);
  expect(await outcome).toEqual({ kind: "failed", reasons: ["task web.2 is complete and isn't restarted"] });
});

it("doesn't wait for a global service that no node fits", async () => {
  const { clock, show, outcome } = waiting();
  await show(picture([], aService("web", { Spec: { ...web.Spec, Mode: { Global: {} } } })));
  await clock.advance(NO_NODE_MS);
  expect(await outcome).toEqual({ kind: "converged", note: "no node meets the service's constraints" });
});

it("ends at once when it is interrupted, and when the cluster can't be asked any more", async () => {
  const interrupted = waiting();
  await interrupted.show(STARTING);
  interrupted.interrupt();
  expect(await interrupted.outcome).toEqual({ kind: "interrupted" });
  const lost = waiting();
  await lost.show(STARTING);
  lost.fail(new Error("no leader"));
  await expect(lost.outcome).rejects.toThrow("no leader");
});
