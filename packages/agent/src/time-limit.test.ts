import { codeOf, ManualClock } from "@murmur/base";
import { expect, it } from "vitest";
import { withTimeLimit } from "./time-limit.ts";

const clock = new ManualClock();
const limit = (signal: AbortSignal = new AbortController().signal) => ({
  clock,
  limitMs: 2_500,
  who: "the engine",
  signal,
});

it("gives back what the work gives, and leaves no timer", async () => {
  await expect(withTimeLimit(limit(), () => Promise.resolve(7))).resolves.toBe(7);
  await expect(withTimeLimit(limit(), () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(clock.pending).toBe(0);
});

it("ends work that doesn't listen, and tells it to stop", async () => {
  let inner: AbortSignal | undefined;
  const work = withTimeLimit(limit(), ({ signal }) => {
    inner = signal;
    return new Promise<void>(() => {});
  });
  const outcome = work.catch((error: unknown) => error);
  await clock.advance(2_500);
  const error = await outcome;
  expect(codeOf(error)).toBe("unavailable");
  expect(error).toMatchObject({ message: "the engine did not answer within 2.5 s" });
  expect(inner?.aborted).toBe(true);
});

it("ends with the caller's signal", async () => {
  const abort = new AbortController();
  const work = withTimeLimit(limit(abort.signal), () => new Promise<void>(() => {}));
  abort.abort(new Error("enough"));
  await expect(work).rejects.toThrow("enough");
  await expect(withTimeLimit(limit(abort.signal), () => Promise.resolve())).rejects.toThrow("enough");
  expect(clock.pending).toBe(0);
});
