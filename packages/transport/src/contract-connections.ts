import { describe, expect, it } from "vitest";
import { stuckHandler } from "./contract-calls.ts";
import type { PeerTransport } from "./peer-transport.ts";
import { IDS, watch, type TestWorld } from "./test-world.ts";

const close = async (transport: PeerTransport): Promise<void> => {
  await transport[Symbol.asyncDispose]();
};

/** Everything that a transport says about its peers. */
function events(transport: PeerTransport): string[] {
  const seen: string[] = [];
  transport.onPeerUp((id) => seen.push(`up ${id.slice(0, 5)}`));
  transport.onPeerDown((id, reason) => seen.push(`down ${id.slice(0, 5)} ${reason}`));
  return seen;
}

export function connectionContract(openWorld: () => Promise<TestWorld>): void {
  describe("connections", () => {
    it("are told to both sides when they come and when they break", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      const [atAlpha, atBravo] = [events(alpha), events(bravo)];
      alpha.connect(IDS.bravo);
      await world.until(() => atAlpha.length + atBravo.length === 2);
      expect([atAlpha, atBravo]).toEqual([["up bravo"], ["up alpha"]]);
      expect([alpha.isUp(IDS.bravo), bravo.isUp(IDS.alpha)]).toEqual([true, true]);
      world.reset("bravo");
      await world.until(() => atAlpha.length >= 2 && atBravo.length >= 2);
      expect([atAlpha[1], atBravo[1]]).toEqual(["down bravo lost", "down alpha lost"]);
      // Alpha has shown interest, so it dials again by itself.
      await world.until(() => alpha.isUp(IDS.bravo) && bravo.isUp(IDS.alpha));
    });

    it("that fall silent are noticed, and made anew when the way is open again", async () => {
      await using world = await openWorld();
      const limits = { pingMs: 100, silenceMs: 300 };
      const [alpha, bravo] = [await world.open("alpha", { limits }), await world.open("bravo", { limits })];
      const [atAlpha, atBravo] = [events(alpha), events(bravo)];
      const got: unknown[] = [];
      bravo.onMessage("raft", (_from, message) => got.push(message));
      alpha.connect(IDS.bravo);
      await world.until(() => alpha.isUp(IDS.bravo) && bravo.isUp(IDS.alpha));
      await world.pass(1000);
      expect(atAlpha).toEqual(["up bravo"]);
      world.cut("alpha", "bravo");
      await world.until(() => !alpha.isUp(IDS.bravo) && !bravo.isUp(IDS.alpha));
      expect([atAlpha[1], atBravo[1]]).toEqual(["down bravo silent", "down alpha silent"]);
      world.heal("alpha", "bravo");
      await world.until(() => {
        alpha.send(IDS.bravo, "raft", "again");
        return got.length > 0;
      });
    });

    it("made by both sides at once become one, and no call is lost", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      const [atAlpha, atBravo] = [events(alpha), events(bravo)];
      for (const node of [alpha, bravo]) node.handle("echo", async (_from, body) => body);
      const calls = Array.from({ length: 20 }, (_, count) => [
        alpha.call(IDS.bravo, "echo", count),
        bravo.call(IDS.alpha, "echo", count),
      ]);
      const results = await world.settle(Promise.all(calls.flat()));
      expect(results).toEqual(Array.from({ length: 40 }, (_, count) => Math.floor(count / 2)));
      await world.until(() => alpha.stats().connections === 1 && bravo.stats().connections === 1);
      expect(await world.settle(alpha.call(IDS.bravo, "echo", "a"))).toBe("a");
      expect(await world.settle(bravo.call(IDS.alpha, "echo", "b"))).toBe("b");
      expect([atAlpha, atBravo]).toEqual([["up bravo"], ["up alpha"]]);
    });

    it("that nobody uses are closed, and made anew when needed", async () => {
      await using world = await openWorld();
      const limits = { idleMs: 300, pingMs: 100 };
      const [alpha, bravo] = [await world.open("alpha", { limits }), await world.open("bravo", { limits })];
      const [atAlpha, atBravo] = [events(alpha), events(bravo)];
      bravo.handle("echo", async (_from, body) => body);
      await world.settle(alpha.call(IDS.bravo, "echo", 1));
      await world.until(() => alpha.stats().connections + bravo.stats().connections === 0);
      expect([atAlpha[1], atBravo[1]]).toEqual(["down bravo idle", "down alpha idle"]);
      expect(await world.settle(alpha.call(IDS.bravo, "echo", 2))).toBe(2);
    });

    it("stay open while a call waits on them", async () => {
      await using world = await openWorld();
      const limits = { idleMs: 200, pingMs: 50, silenceMs: 1000 };
      const [alpha, bravo] = [await world.open("alpha", { limits }), await world.open("bravo", { limits })];
      const stuck = stuckHandler();
      bravo.handle("stuck", stuck.handler);
      const call = watch(alpha.call(IDS.bravo, "stuck", 1));
      await world.until(() => stuck.started === 1);
      await world.pass(800);
      expect(call.settled).toBe(false);
      expect(alpha.isUp(IDS.bravo)).toBe(true);
    });

    it("end in good order when a transport is closed", async () => {
      await using world = await openWorld();
      const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
      const [atAlpha, atBravo] = [events(alpha), events(bravo)];
      const stuck = stuckHandler();
      bravo.handle("stuck", stuck.handler);
      const call = watch(alpha.call(IDS.bravo, "stuck", 1));
      await world.until(() => stuck.started === 1);
      await world.settle(close(alpha));
      await expect(call.promise).rejects.toMatchObject({ code: "unavailable" });
      await world.until(() => atBravo.length === 2);
      expect([atAlpha[1], atBravo[1]]).toEqual(["down bravo closed", "down alpha left"]);
      await expect(alpha.call(IDS.bravo, "stuck", 1)).rejects.toMatchObject({ code: "unavailable" });
      expect(alpha.send(IDS.bravo, "raft", 1)).toBe(false);
      expect(stuck.aborted).toBe(1);
    });

    it("to a node that started again replace the old ones", async () => {
      await using world = await openWorld();
      const [alpha, first] = [await world.open("alpha"), await world.open("bravo")];
      const atAlpha = events(alpha);
      first.handle("who", async () => "first");
      expect(await world.settle(alpha.call(IDS.bravo, "who", 1))).toBe("first");
      await world.settle(close(first));
      const second = await world.open("bravo");
      second.handle("who", async () => "second");
      await world.until(() => atAlpha.length === 3);
      expect(await world.settle(alpha.call(IDS.bravo, "who", 1))).toBe("second");
      expect(atAlpha).toEqual(["up bravo", "down bravo left", "up bravo"]);
    });

    it("are spoken in the newest version that both ends know", async () => {
      await using world = await openWorld();
      const alpha = await world.open("alpha", { protocol: { min: 1, max: 2 } });
      const bravo = await world.open("bravo", { protocol: { min: 2, max: 3 } });
      bravo.handle("echo", async (_from, body) => body);
      expect(alpha.protocolWith(IDS.bravo)).toBeUndefined();
      await world.settle(alpha.call(IDS.bravo, "echo", 1));
      expect([alpha.protocolWith(IDS.bravo), bravo.protocolWith(IDS.alpha)]).toEqual([2, 2]);
    });

    it("with a node of an incompatible version are refused, naming both", async () => {
      await using world = await openWorld();
      const alpha = await world.open("alpha", { software: "1.0.0", protocol: { min: 1, max: 2 } });
      await world.open("bravo", { software: "3.1.0", protocol: { min: 3, max: 4 } });
      const call = world.settle(alpha.call(IDS.bravo, "echo", 1));
      await expect(call).rejects.toMatchObject({
        code: "incompatible_version",
        message: expect.stringMatching(/1\.0\.0.*3\.1\.0|3\.1\.0.*1\.0\.0/),
      });
    });

    it("with another node than the one dialled are refused, naming both", async () => {
      await using world = await openWorld();
      const [alpha, charlie] = [await world.open("alpha"), await world.open("charlie")];
      world.move("bravo", "charlie");
      const call = world.settle(alpha.call(IDS.bravo, "echo", 1));
      await expect(call).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringContaining(`${IDS.charlie}, not ${IDS.bravo}`),
      });
      expect(charlie.stats().connections).toBe(0);
    });
  });
}
