import { nodeId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { Claim } from "./claim.ts";
import { swimConfig } from "./config.ts";
import { Effects } from "./effect.ts";
import { COUNTER_MAX } from "./limits.ts";
import { LocalHealth } from "./local-health.ts";
import { Self } from "./self.ts";

function setUp() {
  const effects = new Effects();
  const health = new LocalHealth(swimConfig());
  const options = { id: nodeId("me"), address: "me:1", meta: new Uint8Array([1]), incarnation: 0 };
  return { effects, health, self: new Self(options, { effects, health, now: 0 }) };
}
const claim = (kind: "suspect" | "dead", incarnation: number): Claim => ({
  kind,
  id: nodeId("me"),
  incarnation,
  from: nodeId("x"),
});
const alive = (incarnation: number, address = "me:1", meta = 1): Claim => ({
  kind: "alive",
  id: nodeId("me"),
  incarnation,
  address,
  meta: new Uint8Array([meta]),
});

describe("Self", () => {
  it("refutes what is as new as its own word or newer, and takes it for a sign of bad health", () => {
    const { self, health } = setUp();
    expect([self.hear(claim("suspect", 0), 0), self.incarnation]).toEqual([true, 1]);
    expect([self.hear(claim("suspect", 0), 0), self.incarnation]).toEqual([false, 1]);
    expect([self.hear(claim("dead", 7), 0), self.incarnation]).toEqual([true, 8]);
    expect(health.score).toBe(2);
  });

  it("contradicts what a former run said, at no cost of health", () => {
    const { self, health } = setUp();
    expect([self.hear(alive(5), 0), self.incarnation]).toEqual([true, 6]);
    expect([self.hear({ kind: "left", id: self.id, incarnation: 9 }, 0), self.incarnation]).toEqual([true, 10]);
    expect([self.hear(alive(10, "me:1", 2), 0), self.incarnation]).toEqual([true, 11]);
    expect([self.hear(alive(11), 0), self.incarnation]).toEqual([false, 11]);
    expect(health.score).toBe(0);
  });

  it("takes a higher incarnation whenever it changes what it says", () => {
    const { self } = setUp();
    const meta = new Uint8Array([2]);
    self.describe({ meta });
    meta[0] = 3;
    self.describe({ address: "new:1" });
    const said = { kind: "alive", id: "me", incarnation: 2, address: "new:1", meta: new Uint8Array([2]) };
    expect(self.claim).toEqual(said);
  });

  it("says nothing more once it has left", () => {
    const { self } = setUp();
    self.leave();
    expect([self.hear(claim("dead", 5), 0), self.claim]).toEqual([false, { kind: "left", id: "me", incarnation: 0 }]);
  });

  it("ignores an incarnation that nobody could top", () => {
    const { self } = setUp();
    expect([self.hear(claim("dead", COUNTER_MAX), 0), self.incarnation]).toEqual([false, 0]);
  });

  it("takes one old address for its own past, and several claims for another node, which it does not fight", () => {
    const { self, effects } = setUp();
    expect([self.hear(alive(1, "other:1"), 0), self.hear(alive(3, "other:1"), 10)]).toEqual([true, true]);
    expect(effects.drain()).toEqual([]);
    expect(self.hear(alive(5, "other:1"), 20)).toBe(false);
    const [warning] = effects.drain();
    expect(warning).toMatchObject({ kind: "warning", text: expect.stringContaining("other:1") });
    expect(self.hear(alive(5, "other:1"), 6_000)).toBe(true);
    expect(effects.drain()).toEqual([]);
  });
});
