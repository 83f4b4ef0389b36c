import { ManualClock, type Clock } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { paced } from "./paced.ts";

const CHUNK_BYTES = 8_192;
const never = new AbortController().signal;

/** How many of so many chunks each turn of the event loop had, where encoding each takes so long. */
async function turnsOf(count: number, eachMs: number): Promise<readonly number[]> {
  const clock = new ManualClock();
  const turns = [0];
  let spentMs = 0;
  function* encoded(): Generator<Uint8Array> {
    for (let at = 0; at < count; at += 1) {
      turns.push((turns.pop() ?? 0) + 1);
      spentMs += eachMs;
      yield new Uint8Array(CHUNK_BYTES);
    }
  }
  // Time passes inside of a turn as well, without timers being called.
  const busy: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() + spentMs,
    setTimer: (delayMs, callback) => {
      turns.push(0);
      return clock.setTimer(delayMs, callback);
    },
  };
  let bytes = 0;
  const reading = (async () => {
    for await (const chunk of paced(encoded(), busy, never)) bytes += chunk.length;
  })();
  for (let turn = 0; turn <= count; turn += 1) await clock.advance(0);
  await reading;
  expect(bytes).toBe(count * CHUNK_BYTES);
  return turns;
}

describe("encoding a few chunks a turn", () => {
  it("ends a turn after a quarter of a MiB where encoding takes no time", async () => {
    expect(await turnsOf(80, 0)).toEqual([32, 32, 16]);
  });

  it("ends it after two milliseconds where it takes long, and has one chunk in each however long that takes", async () => {
    expect(await turnsOf(20, 0.25)).toEqual([8, 8, 4]);
    expect(await turnsOf(3, 20)).toEqual([1, 1, 1, 0]);
  });

  it("ends when it is told to", async () => {
    const clock = new ManualClock();
    const ended = new AbortController();
    const chunks = Array.from({ length: 100 }, () => new Uint8Array(CHUNK_BYTES));
    const all = (async () => {
      for await (const chunk of paced(chunks, clock, ended.signal)) expect(chunk).toHaveLength(CHUNK_BYTES);
    })();
    await new Promise((resolve) => setImmediate(resolve));
    ended.abort(new Error("over"));
    await expect(all).rejects.toThrow("over");
  });
});
