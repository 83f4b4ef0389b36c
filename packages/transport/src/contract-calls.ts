import { ClusterError } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { wasSent } from "./call-fate.ts";
import { IDS, watch, type TestWorld } from "./test-world.ts";

/** A handler that waits until its signal is aborted, and tells when. */
export function stuckHandler(): {
  handler: (from: unknown, body: unknown, o: { signal: AbortSignal }) => Promise<never>;
  started: number;
  aborted: number;
} {
  const state = {
    started: 0,
    aborted: 0,
    handler: (_from: unknown, _body: unknown, { signal }: { signal: AbortSignal }): Promise<never> => {
      state.started += 1;
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          state.aborted += 1;
          reject(new ClusterError("cancelled", "aborted"));
        });
      });
    },
  };
  return state;
}

export function callContract(openWorld: () => Promise<TestWorld>): void {
  describe("calls", () => {
    it("return what the handler returns", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      bravo.handle("echo", async (from, body) => ({ from, body }));
      const result = await world.settle(alpha.call(IDS.bravo, "echo", { text: "hi" }));
      expect(result).toEqual({ from: IDS.alpha, body: { text: "hi" } });
      expect(await world.settle(alpha.call(IDS.bravo, "echo", undefined))).toEqual({
        from: IDS.alpha,
        body: undefined,
      });
    });

    it("bring the handler's error, with its code", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      bravo.handle("refuse", async () => {
        throw new ClusterError("name_conflict", "the name is taken");
      });
      bravo.handle("crash", async () => {
        throw new TypeError("oops");
      });
      const refused = alpha.call(IDS.bravo, "refuse", 1);
      await expect(world.settle(refused)).rejects.toMatchObject({
        code: "name_conflict",
        message: "the name is taken",
      });
      await expect(world.settle(alpha.call(IDS.bravo, "crash", 1))).rejects.toMatchObject({ code: "internal" });
      await expect(world.settle(alpha.call(IDS.bravo, "what", 1))).rejects.toMatchObject({ code: "unsupported" });
      await expect(alpha.call(IDS.alpha, "self", 1)).rejects.toMatchObject({ code: "invalid_argument" });
    });

    it("share one connection, a thousand at once, each with its own result", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      bravo.handle("double", async (_from, body) => Number(body) * 2);
      const calls = Array.from({ length: 1000 }, (_, count) => alpha.call(IDS.bravo, "double", count));
      const results = await world.settle(Promise.all(calls));
      expect(results).toEqual(Array.from({ length: 1000 }, (_, count) => count * 2));
      expect(alpha.stats()).toMatchObject({ connections: 1, callsOut: 0 });
      expect(bravo.stats()).toMatchObject({ connections: 1, callsIn: 0 });
    });

    it("carry large bodies both ways, and refuse what is too large", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      bravo.handle("echo", async (_from, body) => body);
      bravo.handle("big", async () => new Uint8Array(9_000_000));
      const body = new Uint8Array(5_000_000).fill(7);
      const result = await world.settle(alpha.call(IDS.bravo, "echo", body));
      expect(result instanceof Uint8Array && Buffer.compare(result, body)).toBe(0);
      const tooLarge = world.settle(alpha.call(IDS.bravo, "echo", new Uint8Array(9_000_000)));
      await expect(tooLarge).rejects.toMatchObject({ code: "invalid_argument" });
      await expect(world.settle(alpha.call(IDS.bravo, "big", 1))).rejects.toMatchObject({ code: "invalid_argument" });
    });

    it("beyond the limit are refused before they are sent", async () => {
      await using world = await openWorld();
      const alpha = await world.open("alpha", { limits: { callsMax: 2 } });
      const bravo = await world.open("bravo");
      const stuck = stuckHandler();
      bravo.handle("stuck", stuck.handler);
      bravo.handle("echo", async (_from, body) => body);
      await world.settle(alpha.call(IDS.bravo, "echo", 1));
      const calls = [1, 2].map(() => watch(alpha.call(IDS.bravo, "stuck", 1)));
      await world.until(() => stuck.started === 2);
      const error: unknown = await world.settle(alpha.call(IDS.bravo, "stuck", 1).catch((reason: unknown) => reason));
      expect(error).toMatchObject({ code: "overloaded" });
      expect(wasSent(error)).toBe(false);
      expect(calls.every((call) => !call.settled)).toBe(true);
    });

    it("are bounded by their bytes in flight, not by all that went before", async () => {
      await using world = await openWorld();
      const alpha = await world.open("alpha", { limits: { messageBytesMax: 100_000, callBytesMax: 100_000 } });
      const bravo = await world.open("bravo");
      bravo.handle("size", async (_from, body) => (body instanceof Uint8Array ? body.length : -1));
      const body = new Uint8Array(40_000);
      for (let round = 0; round < 5; round += 1)
        expect(await world.settle(alpha.call(IDS.bravo, "size", body))).toBe(40_000);
      const together = [1, 2, 3].map(() => alpha.call(IDS.bravo, "size", body).catch((error: unknown) => error));
      expect(await world.settle(Promise.all(together))).toMatchObject([40_000, 40_000, { code: "overloaded" }]);
    });

    it("beyond the other side's limit are refused by it", async () => {
      await using world = await openWorld();
      const alpha = await world.open("alpha");
      const bravo = await world.open("bravo", { limits: { callsMax: 2 } });
      const stuck = stuckHandler();
      bravo.handle("stuck", stuck.handler);
      for (let count = 0; count < 2; count += 1) watch(alpha.call(IDS.bravo, "stuck", 1));
      await world.until(() => stuck.started === 2);
      await expect(world.settle(alpha.call(IDS.bravo, "stuck", 1))).rejects.toMatchObject({ code: "overloaded" });
    });

    it("time out, and their handler's signal is aborted", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      const stuck = stuckHandler();
      bravo.handle("stuck", stuck.handler);
      bravo.handle("echo", async (_from, body) => body);
      // With a connection that is there, all of the time is the handler's.
      await world.settle(alpha.call(IDS.bravo, "echo", 1));
      const error: unknown = await world.settle(
        alpha.call(IDS.bravo, "stuck", 1, { timeoutMs: 500 }).catch((reason: unknown) => reason),
      );
      expect(error).toMatchObject({ code: "timeout" });
      expect(wasSent(error)).toBe(true);
      await world.until(() => stuck.aborted === 1);
      expect(alpha.stats().callsOut).toBe(0);
      await world.until(() => bravo.stats().callsIn === 0);
    });

    it("end when their signal is aborted", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      const stuck = stuckHandler();
      bravo.handle("stuck", stuck.handler);
      const controller = new AbortController();
      const call = watch(alpha.call(IDS.bravo, "stuck", 1, { signal: controller.signal }));
      await world.until(() => stuck.started === 1);
      controller.abort(new Error("enough"));
      await expect(world.settle(call.promise)).rejects.toMatchObject({ code: "cancelled" });
      await world.until(() => stuck.aborted === 1);
      const before = alpha.call(IDS.bravo, "stuck", 1, { signal: controller.signal });
      await expect(world.settle(before)).rejects.toMatchObject({ code: "cancelled" });
      expect(stuck.started).toBe(1);
    });

    it("that find nobody fail, known not to have been sent", async () => {
      await using world = await openWorld();
      const alpha = await world.open("alpha");
      const error: unknown = await world.settle(alpha.call(IDS.bravo, "echo", 1).catch((reason: unknown) => reason));
      expect(error).toMatchObject({ code: "unavailable" });
      expect(wasSent(error)).toBe(false);
    });

    it("under way on a lost connection fail, and may have been executed", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      const stuck = stuckHandler();
      bravo.handle("stuck", stuck.handler);
      const call = watch(alpha.call(IDS.bravo, "stuck", 1));
      await world.until(() => stuck.started === 1);
      world.reset("alpha");
      const error: unknown = await world.settle(call.promise.catch((reason: unknown) => reason));
      expect(error).toMatchObject({ code: "unavailable" });
      expect(wasSent(error)).toBe(true);
      await world.until(() => stuck.aborted === 1);
    });

    it("of nodes that are joining reach their handler, and nothing else", async () => {
      await using world = await openWorld();
      const alpha = await world.open("alpha");
      alpha.handle("secret", async () => "secret");
      alpha.handleJoin("join", async (address, body) => ({ known: address.length > 0, body }));
      alpha.handleJoin("refuse", async () => {
        throw new ClusterError("forbidden", "the token is wrong");
      });
      const joined = await world.settle(world.join("alpha", "join", { token: "t" }));
      expect(joined).toEqual({ known: true, body: { token: "t" } });
      const refused = world.settle(world.join("alpha", "refuse", {}));
      await expect(refused).rejects.toMatchObject({ code: "forbidden", message: "the token is wrong" });
      await expect(world.settle(world.join("alpha", "secret", {}))).rejects.toMatchObject({ code: "unsupported" });
    });
  });
}
