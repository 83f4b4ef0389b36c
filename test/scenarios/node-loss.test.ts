import type { NodeLossPolicy } from "@murmur/model";
import { expect, it } from "vitest";
import { CheckedWorld } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { create, spec } from "../../packages/sim/src/checks/testing/settled.ts";

/** Three hosts, a service with a task on each; one that doesn't lead is gone for a while, and its leader, too. */
async function lose(onNodeLoss: NodeLossPolicy, awayMs: number): Promise<{ before: string[]; after: string[] }> {
  await using scene = await CheckedWorld.settled(1, 3);
  const { world } = scene;
  const wanted = { ...spec("db", { kind: "replicated", replicas: 3 }), onNodeLoss };
  const id = await create(world, scene.leader, wanted);
  const running = (): string[] =>
    scene
      .up(id)
      .map((task) => task.id)
      .toSorted();
  await world.until(() => running().length === 3, 60_000, 100);
  const before = running();
  const away = scene.follower();
  away.crash();
  await world.pass(5_000);
  // What is waited for is known to the next leader as well: two of three managers are left, so this one comes back.
  await scene.restart(scene.leader);
  await world.pass(awayMs);
  await world.during(away.resume());
  await world.until(() => running().length === 3, 60_000, 100);
  await world.pass(10_000);
  return { before, after: running() };
}

it("a node that is back in time goes on with the tasks that it had, over a change of the leader", async () => {
  const { before, after } = await lose({ kind: "replace", afterMs: 60_000 }, 20_000);
  expect(after).toEqual(before);
});

it("a service that waits for its nodes has the same tasks however long that takes", async () => {
  const { before, after } = await lose({ kind: "wait" }, 120_000);
  expect(after).toEqual(before);
});

it("one that is back too late finds its task replaced", async () => {
  const { before, after } = await lose({ kind: "replace", afterMs: 10_000 }, 30_000);
  expect(after).toHaveLength(3);
  expect(after).not.toEqual(before);
});
