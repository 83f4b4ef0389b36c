import { expect, it } from "vitest";
import { cryptoDone, cryptoUnderWay, withCrypto } from "./crypto-work.ts";

it("does one thing after the other, whichever would be quicker, also after one that fails", async () => {
  const done: string[] = [];
  const work = (name: string, turns: number) =>
    withCrypto(async () => {
      for (let left = turns; left > 0; left -= 1) await new Promise((resolve) => setImmediate(resolve));
      done.push(name);
      if (name === "bad") throw new Error("it failed");
      return name;
    });
  const all = Promise.allSettled([work("slow", 20), work("bad", 5), work("quick", 0)]);
  expect(cryptoUnderWay()).toBe(3);
  expect((await all).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(done).toEqual(["slow", "bad", "quick"]);
  expect(cryptoUnderWay()).toBe(0);
});

it("says when all that was begun is done, and at once when there is nothing", async () => {
  const later = Promise.withResolvers<void>();
  const works = [withCrypto(() => later.promise), withCrypto(async () => {})];
  let isDone = false;
  const done = cryptoDone().then(() => (isDone = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isDone).toBe(false);
  later.resolve();
  await done;
  await Promise.all(works);
  await cryptoDone();
  expect(cryptoUnderWay()).toBe(0);
});
