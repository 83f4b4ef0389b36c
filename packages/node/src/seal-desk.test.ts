import { hash } from "node:crypto";
import { ClusterError, ManualClock, nodeId, Scope, silentLog, type NodeId } from "@murmur/base";
import { GOSSIP_KEYS_MAX, newSealKey, sealKeyName, type SealKey } from "@murmur/identity";
import { SEAL_KEYS_KEPT_MS, sealHintIn, secretId, type SealKeyState, type Secret } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { HAS_SEAL_KEYS_METHOD, SEAL_KEYS_METHOD, SealDesk } from "./seal-desk.ts";

const { signal } = new AbortController();
const OTHER = nodeId("other");
const PLAIN = new TextEncoder().encode("hunter2");
const base64 = Buffer.from(PLAIN).toString("base64");

const secretOf = (sealed: string, id = "s1"): Secret => ({
  id: secretId(id),
  spec: { name: "key", labels: {} },
  sealed,
  createdAt: 0,
  updatedAt: 0,
  version: 1,
});

/** A manager; `others` is what another one answers, "silent" that it doesn't. */
function manager(keys: readonly SealKey[], others: readonly SealKey[] | "silent" | "nobody" = "nobody") {
  const clock = new ManualClock();
  const state = {
    keys,
    others,
    asked: 0,
    told: 0,
    record: undefined as SealKeyState | undefined,
    confirmed: undefined as SealKeyState | undefined,
    keep: (next: readonly SealKey[]): Promise<void> => Promise.resolve(void (state.keys = next)),
  };
  const call = (_to: NodeId, method: string, body: unknown): Promise<unknown> => {
    state.asked += 1;
    if (typeof state.others === "string") return Promise.reject(new ClusterError("unavailable", "no answer"));
    if (method === HAS_SEAL_KEYS_METHOD) return Promise.resolve(manager(state.others).desk.has(body));
    expect(method).toBe(SEAL_KEYS_METHOD);
    return Promise.resolve(state.others);
  };
  const desk = new SealDesk(
    {
      self: nodeId("self"),
      clusterId: "c1",
      record: () => state.record,
      confirmed: () => Promise.resolve(state.confirmed),
      keys: () => state.keys,
      keep: (next) => state.keep(next),
      onKeys: () => (state.told += 1),
      transport: { call },
      managers: () => (state.others === "nobody" ? [] : [OTHER]),
      clock,
      log: silentLog,
    },
    new Scope(silentLog),
  );
  return { clock, state, desk };
}

describe("sealing secrets", () => {
  it("opens what it has sealed, for the same secret only", async () => {
    const { desk } = manager([newSealKey()]);
    const sealed = await desk.seal(PLAIN, "s1");
    expect(Buffer.from(sealed, "base64").includes("hunter2")).toBe(false);
    expect(desk.open(secretOf(sealed))).toBe(base64);
    expect(desk.open(secretOf(sealed, "s2"))).toBeUndefined();
  });

  it("makes a key where the cluster has none, and only where that is certain", async () => {
    const { desk, state } = manager([], "silent");
    await expect(desk.seal(PLAIN, "s1")).rejects.toMatchObject({ code: "unavailable" });
    expect(state.keys).toEqual([]);
    state.others = [];
    expect(desk.open(secretOf(await desk.seal(PLAIN, "s1")))).toBe(base64);
    expect(state.keys).toHaveLength(1);
  });

  it("takes the key that another manager has", async () => {
    const key = newSealKey();
    const { desk, state } = manager([], [key]);
    const sealed = await desk.seal(PLAIN, "s1");
    expect(state.keys).toEqual([key]);
    expect(manager([key]).desk.open(secretOf(sealed))).toBe(base64);
  });
});

describe("a manager without the key of a secret", () => {
  it("asks the others, tells its sessions, and doesn't ask without end", async () => {
    const [own, key] = [newSealKey(), newSealKey()];
    const secret = secretOf(await manager([key]).desk.seal(PLAIN, "s1"));
    const { clock, desk, state } = manager([own], []);
    for (let count = 0; count < 10; count += 1) expect(desk.open(secret)).toBeUndefined();
    await clock.advance(100);
    expect([state.asked, state.told]).toEqual([1, 0]);
    state.others = [key];
    await clock.advance(5_000);
    expect(desk.open(secret)).toBeUndefined();
    await clock.advance(100);
    expect([state.asked, state.told, state.keys]).toEqual([2, 1, [own, key]]);
    expect(desk.open(secret)).toBe(base64);
  });

  // Seed 62001051: it asked once, nobody answered, and its nodes waited for ever.
  it("goes on asking while others don't answer", async () => {
    const [own, key] = [newSealKey(), newSealKey()];
    const secret = secretOf(await manager([key]).desk.seal(PLAIN, "s1"));
    const { clock, desk, state } = manager([own], "silent");
    expect(desk.open(secret)).toBeUndefined();
    await clock.advance(1_000);
    expect(state.told).toBe(0);
    state.others = [key];
    await clock.advance(30_000);
    expect([state.told, state.keys]).toEqual([1, [own, key]]);
  });

  it("is told by whoever asks that it lacks one, and gets it", async () => {
    const [own, key] = [newSealKey(), newSealKey()];
    const { clock, desk, state } = manager([own], [key]);
    const digest = hash("sha256", key);
    expect(desk.has([digest])).toBe(false);
    await clock.advance(1_000);
    expect(state.asked).toBe(0);
    desk.begin();
    expect(desk.has([digest])).toBe(false);
    await clock.advance(1_000);
    expect(state.keys).toEqual([own, key]);
    expect(desk.has([digest])).toBe(true);
  });

  it("that is one again before it has forgotten its keys keeps them, or asks for them", async () => {
    const key = newSealKey();
    const { clock, desk, state } = manager([key], [key]);
    desk.forget();
    desk.begin();
    await clock.advance(1_000);
    expect(state.keys).toEqual([key]);
    const kept = Promise.withResolvers<void>();
    state.keep = async (keys) => {
      await kept.promise;
      state.keys = keys;
    };
    desk.forget();
    await clock.advance(100);
    desk.begin();
    await clock.advance(100);
    kept.resolve();
    await clock.advance(1_000);
    expect(state.keys).toEqual([key]);
  });

  it("does not ask without end whether the others have its keys, and begins anew when it is told again", async () => {
    const key = newSealKey();
    const { clock, desk, state } = manager([key], "silent");
    desk.forget();
    for (let minute = 0; minute < 10; minute += 1) await clock.advance(60_000);
    state.others = [key];
    await clock.advance(60_000);
    expect(state.keys).toEqual([key]);
    desk.forget();
    await clock.advance(100);
    expect(state.keys).toEqual([]);
  });

  it("asks for one as soon as it is a manager, and forgets it when it is none any more and the others have it", async () => {
    const key = newSealKey();
    const { clock, desk, state } = manager([], "silent");
    desk.begin();
    await clock.advance(100);
    state.others = [key];
    await clock.advance(2_000);
    expect(state.keys).toEqual([key]);
    for (const others of ["silent", [newSealKey()], "nobody"] as const) {
      state.others = others;
      desk.forget();
      await clock.advance(100);
      expect(state.keys).toEqual([key]);
    }
    // A node whose managers were busy, or had yet to begin, asks again by itself.
    state.others = [newSealKey(), key];
    await clock.advance(2_000);
    expect(state.keys).toEqual([]);
  });
});

describe("another key of secrets", () => {
  it("seals once the record says that all managers have it, and opens nothing less", async () => {
    const { desk, state } = manager([newSealKey()]);
    const before = await desk.seal(PLAIN, "s1");
    const next = await desk.addKey();
    expect(state.keys).toHaveLength(2);
    expect(await desk.hasKey(nodeId("self"), next.digest, signal)).toBe(true);
    for (const phase of ["hold", "seal"] as const) {
      state.record = { ...next, phase, steppedAt: 0 };
      const sealed = await desk.seal(PLAIN, "s1");
      expect(sealHintIn(sealed) === next.hint).toBe(phase === "seal");
      expect([before, sealed].map((one) => desk.open(secretOf(one)))).toEqual([base64, base64]);
    }
    const anew = desk.sealAnew({ id: "s1", sealed: before }) ?? expect.fail("it opens");
    expect([sealHintIn(anew), desk.open(secretOf(anew))]).toEqual([next.hint, base64]);
    expect(desk.sealAnew({ id: "s2", sealed: before })).toBeUndefined();
    // Another manager has made one that this one hasn't got.
    state.record = { ...sealKeyName(newSealKey()), phase: "seal", steppedAt: 0 };
    await expect(desk.seal(PLAIN, "s1")).rejects.toThrow(/hasn't got the key of the secrets yet: try again/);
  });

  it("is asked for by who is to have it, and is alone once a quorum says that nothing needs the others", async () => {
    const [old, next] = [newSealKey(), newSealKey()];
    const { desk, state, clock } = manager([old], [old, next]);
    desk.begin();
    const name = sealKeyName(next);
    state.record = { ...name, phase: "hold", steppedAt: 0 };
    await clock.advance(10_000);
    expect(state.keys).toEqual([old, next]);
    state.record = { ...name, steppedAt: clock.now() };
    state.confirmed = { ...name, phase: "seal", steppedAt: 0 };
    await clock.advance(SEAL_KEYS_KEPT_MS - 2_000);
    expect(state.keys).toEqual([old, next]);
    // A record that is replayed is no reason.
    await clock.advance(10_000);
    expect(state.keys).toEqual([old, next]);
    state.confirmed = state.record;
    await clock.advance(5_000);
    expect(state.keys).toEqual([next]);
  });

  it("is not made without end", async () => {
    const { desk, state } = manager([newSealKey()]);
    for (let number = 1; number < GOSSIP_KEYS_MAX; number += 1) await desk.addKey();
    await expect(desk.addKey()).rejects.toThrow(/too often in a row/);
    expect(new Set(state.keys.map((key) => sealKeyName(key).hint)).size).toBe(GOSSIP_KEYS_MAX);
  });
});
