import type { SwimConfig } from "@murmur/gossip";
import { describe, expect, it } from "vitest";
import type { Anomaly } from "./gossip-host.ts";
import { GossipWorld } from "./gossip-world.ts";
import { PAPER_VARIANTS } from "./lifeguard-variants.ts";

/** What members said of each other, as "time: observer change subject". */
function worldWithHistory(seed: number, config: Partial<SwimConfig> = PAPER_VARIANTS.lifeguard) {
  const history: string[] = [];
  const options = { seed, members: 12, config, loss: 0.05, delayMeanMs: 1 };
  const world: GossipWorld = new GossipWorld(options, (observer, report, now) => {
    const text =
      report.kind === "member" ? `${report.change} ${String(world.numberOf(report.member.id))}` : report.kind;
    history.push(`${String(now)}: ${String(observer)} ${text}`);
  });
  return { world, history };
}

const of = (history: readonly string[], observer: number): readonly string[] =>
  history.filter((line) => line.includes(`: ${String(observer)} `));

describe("GossipWorld", () => {
  it("does the same for the same seed, and something else for another", () => {
    const run = (seed: number): string => {
      const { world, history } = worldWithHistory(seed);
      world.holdUp(1, "stuck", 20_000);
      world.holdUp(2, "paused", 20_000);
      world.run(5_000);
      world.stop(3);
      world.run(60_000);
      return [...history, String(world.datagrams)].join("\n");
    };
    expect(run(7)).toBe(run(7));
    expect(run(7)).not.toBe(run(8));
  });

  it("starts with members that know each other, and that stay calm", () => {
    const { world, history } = worldWithHistory(1);
    world.run(60_000);
    expect(history).toEqual([]);
    for (let member = 0; member < 12; member += 1) expect(world.swim(member).health().live).toBe(12);
  });

  it("lets the others notice a death, once each", () => {
    const { world, history } = worldWithHistory(2);
    world.run(5_000);
    world.stop(4);
    world.run(60_000);
    expect(history.filter((line) => line.endsWith("dead 4"))).toHaveLength(11);
    expect(of(history, 4)).toEqual([]);
  });

  it("lets a paused member do nothing, until it goes on as if nothing had happened", () => {
    const { world, history } = worldWithHistory(3, PAPER_VARIANTS.swim);
    world.run(5_000);
    world.holdUp(0, "paused", 30_000);
    world.run(29_999);
    expect(of(history, 0)).toEqual([]);
    expect(history.filter((line) => line.endsWith("dead 0"))).toHaveLength(11);
    world.run(10_000);
    expect(of(history, 0)).not.toEqual([]);
    expect(history.filter((line) => line.endsWith("alive 0"))).toHaveLength(11);
  });

  it("lets the timers of a stuck member run on", () => {
    const { world, history } = worldWithHistory(4, PAPER_VARIANTS.swim);
    world.run(5_000);
    world.holdUp(0, "stuck", 30_000);
    world.run(29_999);
    expect(of(history, 0).some((line) => line.includes("dead"))).toBe(true);
    // Nobody hears of it yet.
    const others = history.filter((line) => line.includes(" dead ") && !line.includes(": 0 "));
    expect(others.every((line) => line.endsWith(" dead 0"))).toBe(true);
  });

  it.each<Anomaly>(["stuck", "paused"])("lets a %s member send nothing before the end", (anomaly) => {
    const { world } = worldWithHistory(5);
    for (let member = 0; member < 12; member += 1) world.holdUp(member, anomaly, 30_000);
    world.run(29_999);
    expect(world.datagrams).toBe(0);
    world.run(1_000);
    expect(world.datagrams).toBeGreaterThan(0);
  });

  it("counts the bytes of all that is sent, if asked to", () => {
    const options = { seed: 1, members: 4, config: {}, loss: 0, delayMeanMs: 1 };
    const counting = new GossipWorld({ ...options, countBytesFromMs: 0 });
    counting.run(2_000);
    // A ping or an ack with two ids of 25 characters, sealed.
    expect(counting.bytes / counting.datagrams).toBeGreaterThan(60);
    const other = new GossipWorld(options);
    other.run(2_000);
    expect([other.bytes, other.datagrams]).toEqual([0, counting.datagrams]);
  });
});
