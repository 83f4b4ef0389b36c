import { ClusterError } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { PeerStream } from "./peer-stream.ts";
import { IDS, watch, type TestWorld } from "./test-world.ts";

const collect = async (stream: AsyncIterable<unknown>): Promise<unknown[]> => {
  const messages: unknown[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
};

/** Writes messages of 32 KiB until it is stopped; counts what it could write. */
function pour(stream: PeerStream): { written: number; done: Promise<unknown> } {
  const state = { written: 0, done: Promise.resolve<unknown>(undefined) };
  const bytes = new Uint8Array(32 * 1024);
  state.done = (async () => {
    for (;;) {
      await stream.write(bytes);
      state.written += 1;
    }
  })().catch((error: unknown) => error);
  return state;
}

export function streamContract(openWorld: () => Promise<TestWorld>): void {
  describe("streams", () => {
    it("carry messages both ways, in order, and end each way by itself", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      bravo.handleStream("sum", async (from, body, stream) => {
        let sum = 0;
        for await (const message of stream) {
          sum += Number(message);
          await stream.write(sum);
        }
        await stream.write({ from, body, sum });
      });
      const stream = await world.settle(alpha.open(IDS.bravo, "sum", "start"));
      for (let count = 1; count <= 50; count += 1) await world.settle(stream.write(count));
      stream.end();
      const got = await world.settle(collect(stream));
      expect(got).toHaveLength(51);
      expect(got[49]).toBe(1275);
      expect(got[50]).toEqual({ from: IDS.alpha, body: "start", sum: 1275 });
      await world.until(() => alpha.stats().streams + bravo.stats().streams === 0);
    });

    it("never hold more than the window for a slow reader", async () => {
      await using world = await openWorld();
      const limits = { streamWindowBytes: 256 * 1024, streamBufferBytes: 64 * 1024 };
      const [alpha, bravo] = [await world.open("alpha", { limits }), await world.open("bravo", { limits })];
      let reader: PeerStream | undefined;
      let release = (): void => {};
      bravo.handleStream("slow", async (_from, _body, stream) => {
        reader = stream;
        await new Promise<void>((resolve) => (release = resolve));
        let count = 0;
        for await (const _message of stream) if ((count += 1) === 100) break;
      });
      const stream = await world.settle(alpha.open(IDS.bravo, "slow", undefined));
      const poured = pour(stream);
      await world.until(() => reader !== undefined && poured.written >= 9);
      await world.pass(300);
      // The window holds seven messages and a part of one; the writer's buffer two more and the one that waits.
      expect(poured.written).toBeLessThanOrEqual(10);
      release();
      // A hundred are read; then the reader leaves, and the writer is told.
      expect(await world.settle(poured.done)).toMatchObject({ code: "cancelled" });
      expect(poured.written).toBeGreaterThanOrEqual(100);
    });

    it("carry messages larger than their window", async () => {
      await using world = await openWorld();
      const limits = { streamWindowBytes: 64 * 1024 };
      const [alpha, bravo] = [await world.open("alpha", { limits }), await world.open("bravo", { limits })];
      const sizes: number[] = [];
      bravo.handleStream("big", async (_from, _body, stream) => {
        for await (const message of stream) sizes.push(message instanceof Uint8Array ? message.length : -1);
      });
      const stream = await world.settle(alpha.open(IDS.bravo, "big", undefined));
      for (const size of [10, 1_000_000, 20, 300_000]) await world.settle(stream.write(new Uint8Array(size)));
      stream.end();
      await world.until(() => bravo.stats().streams === 0);
      expect(sizes).toEqual([10, 1_000_000, 20, 300_000]);
    });

    it("bring the handler's error after what it wrote", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      bravo.handleStream("fail", async (_from, _body, stream) => {
        for (let count = 0; count < 20; count += 1) await stream.write(count);
        throw new ClusterError("not_found", "the log has gone");
      });
      const stream = await world.settle(alpha.open(IDS.bravo, "fail", undefined));
      const got: unknown[] = [];
      const reading = (async () => {
        for await (const message of stream) got.push(message);
      })();
      await expect(world.settle(reading)).rejects.toMatchObject({ code: "not_found", message: "the log has gone" });
      expect(got).toHaveLength(20);
      expect(stream.signal.aborted).toBe(true);
      await expect(stream.write(1)).rejects.toMatchObject({ code: "not_found" });
    });

    it("tell the writer when the reader leaves early", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      let outcome: unknown;
      bravo.handleStream("follow", async (_from, _body, stream) => {
        outcome = await pour(stream).done;
      });
      const stream = await world.settle(alpha.open(IDS.bravo, "follow", undefined));
      stream.end();
      const first = (async () => {
        for await (const message of stream) return message;
        return undefined;
      })();
      expect(await world.settle(first)).toBeInstanceOf(Uint8Array);
      await world.until(() => outcome !== undefined);
      expect(outcome).toMatchObject({ code: "cancelled" });
      await world.until(() => alpha.stats().streams + bravo.stats().streams === 0);
    });

    it("end on both sides when one aborts, by itself or by its signal", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      const outcomes: unknown[] = [];
      bravo.handleStream("wait", async (_from, _body, stream) => {
        outcomes.push(await collect(stream).catch((error: unknown) => error));
      });
      const stream = await world.settle(alpha.open(IDS.bravo, "wait", undefined));
      await world.until(() => bravo.stats().streams === 1);
      stream.abort(new ClusterError("failed_precondition", "never mind"));
      await world.until(() => outcomes.length === 1);
      expect(outcomes[0]).toMatchObject({ code: "failed_precondition" });

      const controller = new AbortController();
      await world.settle(alpha.open(IDS.bravo, "wait", undefined, { signal: controller.signal }));
      await world.until(() => bravo.stats().streams === 1);
      controller.abort();
      await world.until(() => outcomes.length === 2);
      expect(outcomes[1]).toMatchObject({ code: "cancelled" });
      expect(alpha.stats().streams).toBe(0);
    });

    it("fail on both sides when the connection is lost", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      let outcome: unknown;
      bravo.handleStream("wait", async (_from, _body, stream) => {
        outcome = await collect(stream).catch((error: unknown) => error);
      });
      const stream = await world.settle(alpha.open(IDS.bravo, "wait", undefined));
      const reading = watch(collect(stream));
      await world.until(() => bravo.stats().streams === 1);
      world.reset("bravo");
      await expect(world.settle(reading.promise)).rejects.toMatchObject({ code: "unavailable" });
      await world.until(() => outcome !== undefined);
      expect(outcome).toMatchObject({ code: "unavailable" });
      await expect(stream.write(1)).rejects.toMatchObject({ code: "unavailable" });
    });

    it("are refused where nobody serves them, and beyond the limit", async () => {
      await using world = await openWorld();
      const alpha = await world.open("alpha", { limits: { streamsMax: 1 } });
      const bravo = await world.open("bravo");
      bravo.handleStream("wait", async (_from, _body, stream) => void (await collect(stream)));
      const unknown = await world.settle(alpha.open(IDS.bravo, "what", undefined));
      await expect(world.settle(collect(unknown))).rejects.toMatchObject({ code: "unsupported" });
      await world.settle(alpha.open(IDS.bravo, "wait", undefined));
      const beyond = world.settle(alpha.open(IDS.bravo, "wait", undefined));
      await expect(beyond).rejects.toMatchObject({ code: "overloaded" });
    });

    it("let small messages and calls pass", async () => {
      await using world = await openWorld();
      const limits = { bulkWindowBytes: 256 * 1024, linkBulkBytes: 128 * 1024, streamWindowBytes: 4 * 1024 * 1024 };
      const [alpha, bravo] = [await world.open("alpha", { limits }), await world.open("bravo", { limits })];
      let bulkRead = 0;
      bravo.handleStream("bulk", async (_from, _body, stream) => {
        for await (const _message of stream) bulkRead += 1;
      });
      const readAt: number[] = [];
      bravo.onMessage("raft", () => readAt.push(bulkRead));
      bravo.handle("count", async () => bulkRead);
      const stream = await world.settle(alpha.open(IDS.bravo, "bulk", undefined));
      const poured = pour(stream);
      await world.until(() => bulkRead > 20);
      const writtenAt: number[] = [];
      for (let round = 0; round < 10; round += 1) {
        writtenAt.push(poured.written);
        alpha.send(IDS.bravo, "raft", round);
        const before = poured.written;
        const count = Number(await world.settle(alpha.call(IDS.bravo, "count", undefined)));
        // At most the bulk window was on its way before the call: eight messages, and what the buffers hold.
        expect(count - before).toBeLessThanOrEqual(12);
      }
      await world.until(() => readAt.length === 10);
      for (const [round, read] of readAt.entries()) expect(read - (writtenAt[round] ?? 0)).toBeLessThanOrEqual(12);
      stream.abort();
    });
  });
}
