import { describe, expect, it } from "vitest";
import { IDS, type TestWorld } from "./test-world.ts";

export function messageContract(openWorld: () => Promise<TestWorld>): void {
  describe("messages", () => {
    it("arrive at the named peer, in order, with the sender's id", async () => {
      await using world = await openWorld();
      const [alpha, bravo, charlie] = [
        await world.open("alpha"),
        await world.open("bravo"),
        await world.open("charlie"),
      ];
      const got: unknown[] = [];
      bravo.onMessage("raft", (from, message) => got.push([from, message]));
      charlie.onMessage("raft", () => got.push("astray"));
      for (let count = 0; count < 100; count += 1) expect(alpha.send(IDS.bravo, "raft", { count })).toBe(true);
      await world.until(() => got.length >= 100);
      expect(got).toEqual(Array.from({ length: 100 }, (_, count) => [IDS.alpha, { count }]));
    });

    it("keep their values, binary as a Uint8Array of its own", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      const bytes = new Uint8Array([1, 2, 255]);
      const message = { text: "Grüße", list: [1, -2, 1.5, 2 ** 40, true, null, undefined], bytes, deep: { a: {} } };
      let got: unknown;
      bravo.onMessage("any", (_from, value) => (got = value));
      alpha.send(IDS.bravo, "any", message);
      bytes[0] = 99;
      await world.until(() => got !== undefined);
      expect(got).toEqual({ ...message, bytes: new Uint8Array([1, 2, 255]) });
    });

    it("are cut in chunks when they are large, and still in order", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      const sizes: number[] = [];
      bravo.onMessage("raft", (_from, value) => sizes.push(value instanceof Uint8Array ? value.length : -1));
      for (const size of [3_000_000, 1, 200_000, 2]) alpha.send(IDS.bravo, "raft", new Uint8Array(size));
      await world.until(() => sizes.length === 4);
      expect(sizes).toEqual([3_000_000, 1, 200_000, 2]);
    });

    it("give way to newer ones when the outbox is full, and say so", async () => {
      await using world = await openWorld();
      const alpha = await world.open("alpha", { limits: { outboxMessages: 4 } });
      const bravo = await world.open("bravo");
      const got: unknown[] = [];
      bravo.onMessage("raft", (_from, value) => got.push(value));
      // The connection isn't there yet: all of them wait.
      const whole = [1, 2, 3, 4, 5, 6].map((count) => alpha.send(IDS.bravo, "raft", count));
      expect(whole).toEqual([true, true, true, true, false, false]);
      await world.until(() => got.length === 4);
      expect(got).toEqual([3, 4, 5, 6]);
      expect(alpha.stats().channels["raft"]).toMatchObject({ sent: 4, dropped: 2 });
      expect(bravo.stats().channels["raft"]).toMatchObject({ received: 4 });
    });

    it("to a node that cannot be reached are dropped, told and counted", async () => {
      await using world = await openWorld();
      const alpha = await world.open("alpha");
      await world.until(() => !alpha.send(IDS.bravo, "raft", "hello"));
      expect(alpha.stats().channels["raft"]?.dropped).toBeGreaterThan(0);
    });

    it("that could not be sent in time are not sent later", async () => {
      await using world = await openWorld();
      const alpha = await world.open("alpha");
      alpha.send(IDS.bravo, "raft", "stale");
      await world.until(() => (alpha.stats().channels["raft"]?.dropped ?? 0) > 0);
      const bravo = await world.open("bravo");
      const got: unknown[] = [];
      bravo.onMessage("raft", (_from, value) => got.push(value));
      await world.until(() => {
        alpha.send(IDS.bravo, "raft", "fresh");
        return got.length > 0;
      });
      expect(got).not.toContain("stale");
    });

    it("that are too large or cannot be encoded are refused without a word to the peer", async () => {
      await using world = await openWorld();
      const alpha = await world.open("alpha", { limits: { messageBytesMax: 100_000 } });
      const bravo = await world.open("bravo");
      const got: unknown[] = [];
      bravo.onMessage("raft", (_from, value) => got.push(value));
      expect(alpha.send(IDS.bravo, "raft", new Uint8Array(100_000))).toBe(false);
      expect(alpha.send(IDS.bravo, "raft", Symbol("none"))).toBe(false);
      expect(alpha.send(IDS.alpha, "raft", "myself")).toBe(false);
      alpha.send(IDS.bravo, "raft", "fine");
      await world.until(() => got.length > 0);
      expect(got).toEqual(["fine"]);
    });

    it("whose handler throws harm nothing else", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      const got: unknown[] = [];
      bravo.onMessage("bad", () => {
        throw new Error("handler");
      });
      bravo.onMessage("good", (_from, value) => got.push(value));
      alpha.send(IDS.bravo, "bad", 1);
      alpha.send(IDS.bravo, "nobody's", 1);
      alpha.send(IDS.bravo, "good", 2);
      await world.until(() => got.length > 0);
      expect(bravo.stats().connections).toBe(1);
    });
  });
}
