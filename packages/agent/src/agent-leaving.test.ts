import { codeOf } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { agentWorlds } from "./testing/agent-worlds.ts";

const begin = agentWorlds();

describe("an agent whose node leaves", () => {
  const SLOW = { program: () => ({ stopAfterMs: 8_000 }) };

  it.each(["hears of it first", "asks first"])(
    "by force kills what runs when it %s, and tells where traffic may not go",
    async (how) => {
      const world = await begin(SLOW);
      const id = world.assign();
      await world.pass(500);
      let removed = false;
      world.agent.onRemoved(() => (removed = true));
      world.agent.forceOut();
      if (how === "hears of it first") world.manager.expel();
      else void world.agent.retire();
      await world.pass(1_000);
      expect(world.engine.containers()).toEqual([]);
      expect(removed).toBe(true);
      expect(world.withdrawn.map((one) => one.id)).toEqual([id]);
    },
  );

  it("kills what is being stopped already", async () => {
    const world = await begin(SLOW);
    const id = world.assign();
    await world.pass(500);
    world.manager.want(id, "shutdown");
    await world.pass(2_000);
    expect(world.containersOf(id)[0]?.state).toBe("running");
    world.agent.forceOut();
    void world.agent.retire();
    await world.pass(1_000);
    expect(world.engine.containers()).toEqual([]);
  });

  it.each(["is removed", "leaves"])("gives what runs its grace when it %s in good order", async (how) => {
    const world = await begin(SLOW);
    world.assign();
    await world.pass(500);
    if (how === "leaves") void world.agent.retire();
    else world.manager.expel();
    await world.pass(5_000);
    expect(world.engine.containers()).toMatchObject([{ state: "running" }]);
    await world.pass(6_000);
    expect(world.engine.containers()).toEqual([]);
  });

  it("waits for its containers no longer than the agent is there", async () => {
    const world = await begin(SLOW);
    world.assign();
    await world.pass(500);
    const retired = world.agent.retire().catch(codeOf);
    await world.pass(1_000);
    await world.agent.stop();
    expect(await retired).toBe("cancelled");
    expect(await world.agent.retire().catch(codeOf)).toBe("cancelled");
  });
});
