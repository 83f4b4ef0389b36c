import { assert } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { configOf, leaseDriftMax } from "./config.ts";
import { World, type Node } from "./testing/world.ts";

/** Replaces a leader while it still has a lease; how many reads it answered by then, and whether it was replaced. */
function replaceLeader(seed: number, how: "cut off" | "paused"): { reads: number; replaced: boolean } {
  const electionTicks = 4 + (seed % 7);
  // Whoever may campaign does so at once: a longer time-out would only hide what a lease lacks.
  const times = { electionTicks, electionTicksMax: electionTicks + 1, heartbeatTicks: 1 + (seed % 2) };
  const config = { ...times, leaseReads: true };
  const world = new World({ seed, nodes: 3, voters: 3, config, clockDriftMax: leaseDriftMax(configOf(config)) });
  const pass = (): void => {
    world.passTime();
    world.drain(10);
  };
  const leading = (): Node | undefined => world.leaders().find(({ raft }) => raft?.status().commit !== 0);
  for (let ticks = 0; leading() === undefined && ticks < 300; ticks += 1) pass();
  const old = leading();
  assert(old !== undefined, "somebody leads");
  for (let ticks = world.random.below(20); ticks > 0; ticks -= 1) pass();

  const others = world.nodes.filter((node) => node !== old);
  for (const { id } of others) world.cut.add(`${old.id}>${id}`).add(`${id}>${old.id}`);
  old.paused = how === "paused";
  const before = world.servedReads;
  const pauseTicks = world.random.below(60);
  for (let ticks = 0; ticks < 60; ticks += 1) {
    pass();
    for (const other of others) world.with(other, (raft) => void raft.propose([new Uint8Array([ticks])]));
    world.drain(10);
    if (ticks >= pauseTicks) world.resume(old);
    world.read(old);
  }
  return { reads: world.servedReads - before, replaced: world.leaders().some((leader) => leader !== old) };
}

describe("lease reads, with clocks as different as leases allow", () => {
  it.each(["cut off", "paused"] as const)("are not stale on a leader that is %s and replaced", (how) => {
    const runs = Array.from({ length: 300 }, (_, seed) => replaceLeader(seed, how));
    expect(runs.filter(({ replaced }) => replaced).length).toBeGreaterThan(250);
    const reads = runs.reduce((sum, run) => sum + run.reads, 0);
    if (how === "cut off") expect(reads).toBeGreaterThan(300);
    else expect(reads).toBe(0);
  });
});
