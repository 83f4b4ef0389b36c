import { ManualClock } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { ClusterTime } from "./cluster-time.ts";

describe("the managers' time", () => {
  it("is the host's while nobody was ahead", async () => {
    const clock = new ManualClock(1_000_000);
    const time = new ClusterTime(clock);
    time.heard(999_000);
    await clock.advance(500);
    expect(time.now()).toBe(1_000_500);
  });

  it("goes on from the latest moment of the log when the host's clock is behind it", async () => {
    const clock = new ManualClock(1_000_000);
    const time = new ClusterTime(clock);
    time.heard(1_600_000);
    expect(time.now()).toBe(1_600_000);
    await clock.advance(2_000);
    expect(time.now()).toBe(1_602_000);
    time.heard(1_601_000);
    expect(time.now()).toBe(1_602_000);
  });

  it("never goes back when the host's clock does", async () => {
    const clock = new ManualClock(1_000_000);
    const time = new ClusterTime(clock);
    time.heard(time.now());
    clock.jump(-3_600_000);
    await clock.advance(10);
    expect(time.now()).toBe(1_000_010);
    clock.jump(7_200_000);
    expect(time.now()).toBe(1_000_010 + 3_600_000);
  });
});
