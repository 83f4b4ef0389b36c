import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, readFrames, type Frame } from "./frames.ts";

async function read(pieces: Iterable<Uint8Array>): Promise<Frame[]> {
  const frames: Frame[] = [];
  const source = (async function* () {
    yield* pieces;
  })();
  for await (const batch of readFrames(source)) frames.push(...batch);
  return frames;
}

const frame = fc.record({ stream: fc.integer({ min: 0, max: 4 }), payload: fc.uint8Array({ maxLength: 300 }) });

describe("frames", () => {
  it("are read as they were written, however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(frame), fc.array(fc.nat({ max: 40 })), async (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(({ stream, payload }) => encodeFrame(stream, payload)));
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          pieces.push(bytes.subarray(at, at + cut));
          at = Math.min(bytes.byteLength, at + cut);
        }
        pieces.push(bytes.subarray(at));
        const found = await read(pieces);
        expect(found.map(({ stream, payload }) => [stream, [...payload]])).toEqual(
          frames.map(({ stream, payload }) => [stream, [...payload]]),
        );
      }),
    );
  });

  it("that are too long, or broken off, are refused", async () => {
    await expect(read([new Uint8Array([1, 0, 0, 0, 255, 0, 0, 0])])).rejects.toMatchObject({ code: "corrupt" });
    await expect(read([encodeFrame(1, new Uint8Array(20)).subarray(0, 15)])).rejects.toMatchObject({ code: "corrupt" });
  });
});
