import { describe, expect, it } from "vitest";
import { agentWorlds } from "./testing/agent-worlds.ts";

const begin = agentWorlds();

describe("an agent whose engine is away", () => {
  it("says so at once, fails nothing that it can't see, and goes on afterwards", async () => {
    const world = await begin();
    const before = world.assign();
    await world.pass(500);
    world.engine.hang();
    await world.pass(15_000);
    expect(world.manager.engine).toBe("down");
    const during = world.assign();
    await world.pass(5_000);
    expect(world.state(before)).toBe("running");
    expect(world.state(during)).toBe("preparing");
    world.engine.wake();
    await world.pass(8_000);
    expect(world.manager.engine).toBe("ready");
    expect([before, during].map((id) => world.state(id))).toEqual(["running", "running"]);
    expect(world.containersOf(before)[0]?.starts).toBe(1);
  });

  it("notices what a restart of the engine has ended", async () => {
    const world = await begin();
    const id = world.assign();
    await world.pass(500);
    world.engine.shutDown();
    await world.pass(50);
    expect(world.manager.engine).toBe("down");
    await world.pass(20_000);
    expect(world.state(id)).toBe("running");
    world.engine.boot();
    await world.pass(6_000);
    expect(world.manager.get(id).status).toMatchObject({ state: "failed", exitCode: 137 });
  });

  it("makes one container although the answers get lost", async () => {
    const world = await begin();
    world.engine.faults.answersLost = 0.5;
    const ids = Array.from({ length: 10 }, () => world.assign());
    await world.pass(60_000);
    world.engine.faults.answersLost = 0;
    await world.pass(30_000);
    expect(ids.map((id) => world.state(id))).toEqual(ids.map(() => "running"));
    expect(ids.map((id) => world.containersOf(id).length)).toEqual(ids.map(() => 1));
  });

  it("doesn't start again what has run and ended while the answer was lost", async () => {
    const world = await begin({ program: () => ({ exitAfterMs: 10 }) });
    world.engine.faults.eventsLost = true;
    const id = world.assign({ desiredState: "ready" });
    await world.pass(500);
    world.manager.want(id, "running");
    world.engine.faults.answersLost = 1;
    while (world.containersOf(id)[0]?.starts === 0) await world.pass(1);
    world.engine.faults.answersLost = 0;
    await world.pass(30_000);
    expect(world.state(id)).toBe("complete");
    expect(world.containersOf(id)[0]?.starts).toBe(1);
  });

  it("believes no inspection that began before something happened", async () => {
    const world = await begin({ latencyMs: 200 });
    const ids = Array.from({ length: 30 }, () => world.assign());
    for (const id of ids) {
      await world.pass(23);
      world.containersOf(id)[0]?.exit(1);
    }
    await world.pass(1_500);
    expect(
      ids.map((id) => world.containersOf(id)[0]?.state === "exited" && world.state(id) !== "failed"),
    ).not.toContain(true);
  });
});
