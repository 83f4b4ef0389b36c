import { describe, expect, it } from "vitest";
import { MemoryTestWorld } from "./memory-test-world.ts";
import { IDS } from "./test-world.ts";
import { transportContract } from "./transport-contract.ts";

describe("MemoryNetwork", () => {
  transportContract(async () => new MemoryTestWorld());

  it("stops dialling whom nobody wants any more", async () => {
    await using world = new MemoryTestWorld();
    const alpha = await world.open("alpha");
    alpha.connect(IDS.bravo);
    await world.pass(5000);
    expect(world.clock.pending).toBeGreaterThan(0);
    await world.pass(10_000);
    expect(world.clock.pending).toBe(0);
  });

  it("leaves no timer behind", async () => {
    const world = new MemoryTestWorld();
    const [alpha, bravo] = [await world.open("alpha"), await world.open("bravo")];
    bravo.handle("echo", async (_from, body) => body);
    await world.settle(alpha.call(IDS.bravo, "echo", 1));
    await world[Symbol.asyncDispose]();
    await world.pass(10);
    expect(world.clock.pending).toBe(0);
  });
});
