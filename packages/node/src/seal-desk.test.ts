import { hash } from "node:crypto";
import { ClusterError, ManualClock, nodeId, Scope, silentLog, type NodeId } from "@murmur/base";
import { newSealKey, type SealKey } from "@murmur/identity";
import { secretId, type Secret } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { HAS_SEAL_KEYS_METHOD, SEAL_KEYS_METHOD, SealDesk } from "./seal-desk.ts";

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
      clusterId: "c1",
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
