import { expect, it } from "vitest";
import { Limiter } from "./limiter.ts";

const NEVER = new AbortController().signal;
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};

it("runs at most so many at once, the others in the order in which they came", async () => {
  const limiter = new Limiter(2);
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3].map((number) =>
    limiter.run(() => {
      started.push(number);
      return new Promise<void>((resolve) => ends.push(resolve));
    }, NEVER),
  );
  await settle();
  expect([started, limiter.running, limiter.waiting]).toEqual([[0, 1], 2, 2]);
  ends[1]?.();
  await settle();
  expect([started, limiter.running, limiter.waiting]).toEqual([[0, 1, 2], 2, 1]);
  ends[0]?.();
  await settle();
  for (const end of ends) end();
  await Promise.all(all);
  expect([started, limiter.running, limiter.waiting]).toEqual([[0, 1, 2, 3], 0, 0]);
});

it("gives the place of failed work on", async () => {
  const limiter = new Limiter(1);
  await expect(limiter.run(() => Promise.reject(new Error("no")), NEVER)).rejects.toThrow("no");
  await expect(limiter.run(() => Promise.resolve("yes"), NEVER)).resolves.toBe("yes");
});

it("lets a waiting caller go when its signal is aborted", async () => {
  const limiter = new Limiter(1);
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = limiter.run(() => promise, NEVER);
  const abort = new AbortController();
  const second = limiter.run(() => Promise.resolve(), abort.signal);
  abort.abort(new Error("enough"));
  await expect(second).rejects.toThrow("enough");
  resolve();
  await first;
  expect([limiter.running, limiter.waiting]).toEqual([0, 0]);
});
