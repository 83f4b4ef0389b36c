import { beforeEach, expect, it } from "vitest";
import { ManualClock, silentLog } from "@murmur/base";
import { RetryListen } from "./retry-listen.ts";

let clock: ManualClock;
let attempts: PromiseWithResolvers<string>[];
let closed: string[];
let breakIt: (error: Error) => void;
let warnings: string[];

beforeEach(() => {
  clock = new ManualClock();
  attempts = [];
  closed = [];
  warnings = [];
});

function listen(explain: (error: unknown) => string | undefined = String): RetryListen<string> {
  return new RetryListen({
    open: (onBroken) => {
      breakIt = onBroken;
      const attempt = Promise.withResolvers<string>();
      attempts.push(attempt);
      return attempt.promise;
    },
    close: (opened) => closed.push(opened),
    explain,
    clock,
    log: { ...silentLog, warn: (message) => warnings.push(message) },
  });
}

it("tries again with growing pauses, says so once, and stops when it is open", async () => {
  const listener = listen();
  listener.start();
  const triedAt: number[] = [];
  for (let count = 0; count < 9; count += 1) {
    triedAt.push(clock.monotonic());
    attempts.at(-1)?.reject(new Error("in use"));
    await clock.advance(0);
    expect(listener.problem).toBe("Error: in use");
    const before = attempts.length;
    while (attempts.length === before) await clock.advance(250);
  }
  expect(triedAt).toEqual([0, 250, 750, 1_750, 3_750, 7_750, 15_750, 25_750, 35_750]);
  expect(warnings).toEqual(["Error: in use; trying again"]);
  attempts.at(-1)?.resolve("socket");
  await clock.advance(0);
  expect(listener).toMatchObject({ opened: "socket", problem: undefined });
  expect(clock.pending).toBe(0);
});

it("tries at once when it is told to, once at a time", async () => {
  const listener = listen();
  listener.start();
  const first = listener.retry();
  expect(attempts).toHaveLength(1);
  attempts[0]?.reject(new Error("in use"));
  await first;
  expect(listener.problem).toBe("Error: in use");
  const again = Promise.all([listener.retry(), listener.retry()]);
  expect(attempts).toHaveLength(2);
  attempts[1]?.resolve("socket");
  await again;
  await listener.retry();
  expect(listener.opened).toBe("socket");
  expect([attempts.length, clock.pending]).toEqual([2, 0]);
});

it("closes what broke, and opens it again", async () => {
  const listener = listen();
  listener.start();
  attempts[0]?.resolve("first");
  await clock.advance(0);
  breakIt(new Error("broken"));
  expect(closed).toEqual(["first"]);
  expect(listener).toMatchObject({ opened: undefined, problem: "Error: broken" });
  await clock.advance(250);
  attempts[1]?.resolve("second");
  await clock.advance(0);
  expect(listener.opened).toBe("second");
});

it("closes what opens after it was disposed", async () => {
  const listener = listen();
  listener.start();
  const disposed = listener[Symbol.asyncDispose]();
  attempts[0]?.resolve("late");
  await disposed;
  expect(closed).toEqual(["late"]);
  listener.start();
  expect(attempts).toHaveLength(1);
});

it("is not tried again after it was disposed", async () => {
  const listener = listen();
  listener.start();
  attempts[0]?.reject(new Error("in use"));
  await clock.advance(0);
  expect(clock.pending).toBe(1);
  await listener[Symbol.asyncDispose]();
  expect(clock.pending).toBe(0);
});

it("tries again without a word where there is nothing wrong, until there is", async () => {
  const listener = listen((error) => (String(error).includes("elsewhere") ? undefined : String(error)));
  listener.start();
  const fails = async (reason: string): Promise<void> => {
    const count = attempts.length;
    attempts.at(-1)?.reject(new Error(reason));
    await clock.advance(0);
    expect([listener.opened, listener.isExcused]).toEqual([undefined, reason === "elsewhere"]);
    expect(listener.problem).toBe(reason === "elsewhere" ? undefined : `Error: ${reason}`);
    while (attempts.length === count) await clock.advance(250);
  };
  expect(listener.isExcused).toBe(false);
  await fails("elsewhere");
  await fails("in use");
  await fails("elsewhere");
  expect(warnings).toEqual(["Error: in use; trying again"]);
  attempts.at(-1)?.resolve("socket");
  await clock.advance(0);
  expect([listener.opened, listener.isExcused]).toEqual(["socket", false]);
});
