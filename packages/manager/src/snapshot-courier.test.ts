import { describe, expect, it } from "vitest";
import { courierWorld, MEMBERSHIP, OTHER_STATE, STATE } from "./testing/courier-world.ts";

describe("a snapshot courier", () => {
  it("brings a snapshot from disk to disk, tells the core, and installs it", async () => {
    const { station, pass } = await courierWorld();
    const [a, b] = [await station("a"), await station("b")];
    await a.save(100);
    a.courier.deliver(b.self);
    a.courier.deliver(b.self);
    await pass(500);
    expect(a.outcomes).toEqual(["b finished"]);
    expect(a.offsets.length).toBeGreaterThan(2);
    expect(b.stepped).toMatchObject([{ kind: "snapshot", from: "a", to: "b", term: 1, snapshot: { index: 100 } }]);
    expect(b.replica.applied).toBe(0);
    expect(await b.courier.install(100)).toMatchObject({ index: 100, term: 1 });
    expect(b.replica.applied).toBe(100);
    expect(b.replica.store.view.services()).toHaveLength(3_000);
  });

  it("goes on where a broken transfer stopped", async () => {
    const { station, pass, untilSent, network } = await courierWorld();
    const [a, b] = [await station("a"), await station("b")];
    await a.save(100);
    network.set({ latencyMs: [20, 20] });
    a.courier.deliver(b.self);
    // The question, a window of four, and the first of the next one.
    await untilSent(a, 6);
    const reached = a.offsets[5] ?? 0;
    expect(reached).toBeGreaterThan(0);
    network.cut("a:1", "b:1");
    await pass(20_000);
    expect(a.outcomes).toEqual(["b failed"]);
    network.heal("a:1", "b:1");
    a.offsets.length = 0;
    a.courier.deliver(b.self);
    await pass(2_000);
    expect(a.outcomes).toEqual(["b failed", "b finished"]);
    // The question's answer says where to go on.
    expect(a.offsets[0]).toBe(0);
    expect(a.offsets[1]).toBeGreaterThanOrEqual(reached);
    await b.courier.install(100);
    expect(b.replica.store.view.services()).toHaveLength(3_000);
  });

  it("stops speaking for a term that it no longer leads", async () => {
    const { station, pass, network } = await courierWorld();
    const [a, b] = [await station("a"), await station("b")];
    await a.save(100);
    network.set({ latencyMs: [20, 20] });
    a.courier.deliver(b.self);
    await pass(100);
    Object.assign(a.status, { role: "follower", term: 2 });
    await pass(2_000);
    expect(a.outcomes).toEqual(["b failed"]);
    expect(b.stepped).toEqual([]);
  });

  it("takes another leader's snapshot in the middle of one, and nothing from a leader of an older term", async () => {
    const { station, pass, network } = await courierWorld();
    const [a, b, c] = [await station("a"), await station("b"), await station("c")];
    await a.save(100);
    await c.save(120, OTHER_STATE);
    network.set({ latencyMs: [20, 20] });
    a.courier.deliver(b.self);
    await pass(100);
    Object.assign(c.status, { term: 2 });
    Object.assign(b.status, { term: 2, role: "follower" });
    c.courier.deliver(b.self);
    await pass(5_000);
    expect(a.outcomes).toEqual(["b failed"]);
    expect(c.outcomes).toEqual(["b finished"]);
    expect(b.stepped).toMatchObject([{ from: "c", term: 2, snapshot: { index: 120 } }]);
    await b.courier.install(120);
    expect(b.replica.store.view.services()).toHaveLength(2_000);
  });

  it("forgets a complete one that the log has overtaken, and takes the next", async () => {
    const { station, pass } = await courierWorld();
    const [a, b] = [await station("a"), await station("b")];
    await a.save(100);
    a.courier.deliver(b.self);
    await pass(500);
    b.replica.apply({ index: 150, kind: "noop", data: new Uint8Array() });
    a.courier.deliver(b.self);
    await pass(500);
    expect(b.stepped).toHaveLength(1);
    await a.save(200, OTHER_STATE);
    a.courier.deliver(b.self);
    await pass(500);
    expect(b.stepped.at(-1)).toMatchObject({ snapshot: { index: 200 } });
    await b.courier.install(200);
    expect(b.replica.applied).toBe(200);
    expect(a.outcomes).toEqual(["b finished", "b finished", "b finished"]);
  });

  it("keeps several chunks on their way, and begins where the receiver stands", async () => {
    const { station, pass, untilSent, network } = await courierWorld();
    const [a, b] = [await station("a"), await station("b")];
    await a.save(100);
    network.set({ latencyMs: [50, 50] });
    a.courier.deliver(b.self);
    await untilSent(a, 2);
    expect(a.offsets).toEqual([0, 0, 1, 2, 3].map((chunk, at) => (at === 0 ? 0 : chunk * 262_144)));
    await pass(5_000);
    expect(a.outcomes).toEqual(["b finished"]);
  });

  it("drops an unfinished one after a minute, and takes it anew", async () => {
    const { station, pass, untilSent, network, clock } = await courierWorld();
    const [a, b] = [await station("a"), await station("b")];
    await a.save(100);
    network.set({ latencyMs: [20, 20] });
    a.courier.deliver(b.self);
    await untilSent(a, 6);
    network.cut("a:1", "b:1");
    await pass(20_000);
    await clock.advance(60_000);
    network.heal("a:1", "b:1");
    a.offsets.length = 0;
    a.courier.deliver(b.self);
    await pass(3_000);
    expect(a.offsets.slice(0, 2)).toEqual([0, 0]);
    expect(a.outcomes).toEqual(["b failed", "b finished"]);
    await b.courier.install(100);
    expect(b.replica.store.view.services()).toHaveLength(3_000);
  });

  it.each([
    ["damaged", STATE.map((chunk, at) => (at === 1 ? chunk.map((byte) => (byte === 0x61 ? 0x62 : byte)) : chunk))],
    ["cut short", STATE.slice(0, -1)],
  ])("never makes a %s state current, and does not go on trying", async (_, chunks) => {
    const { station, pass } = await courierWorld();
    const [a, b] = [await station("a"), await station("b")];
    await a.save(100, chunks);
    a.courier.deliver(b.self);
    await pass(1_000);
    expect(a.outcomes).toEqual(["b failed"]);
    expect(b.stepped).toEqual([]);
    expect(await b.storage.openSnapshot()).toBeUndefined();
    await a.save(101);
    a.courier.deliver(b.self);
    await pass(1_000);
    expect(b.stepped).toMatchObject([{ snapshot: { index: 101 } }]);
  });

  it("refuses what is no chunk, or beyond its bounds", async () => {
    const { station } = await courierWorld();
    const [a, b] = [await station("a"), await station("b")];
    const chunk = {
      meta: { index: 5, term: 1, membership: MEMBERSHIP },
      leaderTerm: 1,
      size: 10,
      offset: 0,
      bytes: new Uint8Array(10),
    };
    const bad = [
      {},
      { ...chunk, size: 0 },
      { ...chunk, size: 2 ** 40 },
      { ...chunk, offset: 1 },
      { ...chunk, offset: -1 },
      { ...chunk, offset: 0.5 },
      { ...chunk, size: 2 ** 22, bytes: new Uint8Array(2 ** 21) },
      { ...chunk, meta: { ...chunk.meta, index: "5" } },
    ];
    for (const body of bad) await expect(a.call(b.self, body)).rejects.toThrow("malformed chunk");
    await expect(a.call(b.self, chunk)).rejects.toThrow("can't be read");
  });

  it("does not install what is not there, and reports a transfer without a snapshot as failed", async () => {
    const { station, pass } = await courierWorld();
    const [a, b] = [await station("a"), await station("b")];
    await expect(b.courier.install(5)).rejects.toThrow("not here");
    a.courier.deliver(b.self);
    await pass(50);
    expect(a.outcomes).toEqual(["b failed"]);
  });
});
