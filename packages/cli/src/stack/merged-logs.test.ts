import type { Frame } from "@murmur/api";
import { ManualClock } from "@murmur/base";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { mergedLogs, withoutTime } from "./merged-logs.ts";

const line = (time: number, text: string, stream = 1): Frame => ({
  stream,
  payload: new TextEncoder().encode(`2026-11-22T03:00:${String(time).padStart(2, "0")}.000000000Z ${text}\n`),
});
const textOf = (frame: Frame): string => new TextDecoder().decode(withoutTime(frame).payload).trimEnd();

async function* log(...pieces: readonly (readonly Frame[])[]): AsyncGenerator<readonly Frame[], void, undefined> {
  yield* pieces;
}

async function merged(...logs: readonly AsyncIterable<readonly Frame[]>[]): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const frame of mergedLogs(logs, { clock: new ManualClock(), follow: false })) texts.push(textOf(frame));
  return texts;
}

it("puts several logs in the order of their times, and loses nothing", async () => {
  const times = fc.array(fc.nat(59), { maxLength: 8 }).map((list) => list.toSorted((a, b) => a - b));
  await fc.assert(
    fc.asyncProperty(fc.array(times, { maxLength: 4 }), async (logs) => {
      const sources = logs.map((list) => log(...list.map((time) => [line(time, String(time))])));
      expect(await merged(...sources)).toEqual(
        logs
          .flat()
          .toSorted((a, b) => a - b)
          .map(String),
      );
    }),
  );
});

it("lets through what the daemon says of what is missing", async () => {
  const word: Frame = { stream: 3, payload: new TextEncoder().encode("node host2 doesn't answer") };
  expect(await merged(log([line(1, "a")]), log([word]))).toEqual(["node host2 doesn't answer", "a"]);
});

it("goes on with the others when one that is followed has nothing to say", async () => {
  const clock = new ManualClock();
  const silent: AsyncIterable<readonly Frame[]> = {
    [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
  };
  const frames = mergedLogs([silent, log([line(1, "a")])], { clock, follow: true });
  const next = frames.next();
  const turning = setInterval(() => void clock.advance(50), 1);
  const { value } = await next.finally(() => clearInterval(turning));
  expect(value && textOf(value)).toBe("a");
});

it("fails when one of them does", async () => {
  async function* broken(): AsyncGenerator<readonly Frame[], void, undefined> {
    yield [line(1, "a")];
    throw new Error("the logs broke off");
  }
  await expect(merged(broken(), log([line(2, "b")]))).rejects.toThrow("the logs broke off");
});
