import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { drained } from "./drained.ts";

const listeners = (stream: PassThrough): number[] =>
  ["drain", "close", "error"].map((event) => stream.listenerCount(event));

it("waits again and again without leaving a listener behind", async () => {
  const stream = new PassThrough({ highWaterMark: 1 });
  const before = listeners(stream);
  for (let round = 0; round < 100; round += 1) {
    expect(stream.write("ab")).toBe(false);
    const waiting = drained(stream);
    stream.read();
    await waiting;
  }
  expect(listeners(stream)).toEqual(before);
});

it("is over when the stream is", async () => {
  const stream = new PassThrough({ highWaterMark: 1 });
  stream.write("ab");
  const waiting = drained(stream);
  stream.destroy();
  await waiting;
  await drained(stream);
});

it("rejects with the stream's error", async () => {
  const stream = new PassThrough({ highWaterMark: 1 });
  stream.write("ab");
  const waiting = drained(stream);
  stream.destroy(new Error("reset"));
  await expect(waiting).rejects.toThrow("reset");
});
