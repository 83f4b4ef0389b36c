import { ManualClock, Scope, silentLog } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { FIRST_GENERATION } from "./generation.ts";
import { decodeDescription, encodeDescription, keepDescribed, type SelfDescription } from "./self-description.ts";

describe("what a node says of itself", () => {
  it("survives gossip, and is nothing for a worker in the first generation", () => {
    for (const generation of [FIRST_GENERATION, 1, 1_741_000_000_000_000, Number.MAX_SAFE_INTEGER]) {
      for (const manager of [false, true]) {
        const description: SelfDescription = { generation, manager };
        expect(decodeDescription(encodeDescription(description))).toEqual(description);
      }
    }
    expect(encodeDescription({ generation: FIRST_GENERATION, manager: false })).toHaveLength(0);
  });

  it("is nothing when it is too short or unknown", () => {
    const nothing = { generation: FIRST_GENERATION, manager: false };
    expect(decodeDescription(new Uint8Array(7).fill(1))).toEqual(nothing);
    expect(decodeDescription(new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 7]))).toEqual(nothing);
  });

  it("is told when it changes, at once when asked, and not after the end", async () => {
    const clock = new ManualClock();
    const scope = new Scope(silentLog);
    const told: SelfDescription[] = [];
    let present: SelfDescription = { generation: 0, manager: false };
    const look = keepDescribed(
      { told: present, present: () => present, tell: (meta) => told.push(decodeDescription(meta)), clock },
      scope,
    );
    await clock.advance(5_000);
    expect(told).toEqual([]);
    present = { generation: 0, manager: true };
    await clock.advance(1_000);
    await clock.advance(5_000);
    expect(told).toEqual([{ generation: 0, manager: true }]);
    present = { generation: 7, manager: true };
    look();
    look();
    expect(told).toEqual([
      { generation: 0, manager: true },
      { generation: 7, manager: true },
    ]);
    await scope[Symbol.asyncDispose]();
    present = { generation: 7, manager: false };
    await clock.advance(5_000);
    expect(told).toHaveLength(2);
  });
});
