import { expect, it } from "vitest";
import { CheckedWorld } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { change, create, spec } from "../../packages/sim/src/checks/testing/settled.ts";

it.each(["replicated", "global"] as const)("a %s service is stopped and started while leaders go", async (kind) => {
  await using scene = await CheckedWorld.settled(1, 3);
  const { world } = scene;
  const mode = kind === "global" ? { kind } : { kind, replicas: 3 };
  const wanted = spec("web", mode);
  const containers = (): number =>
    world.hosts.flatMap(({ engine }) => engine.containers()).filter(({ live }) => live).length;
  /** The leader takes the change in, and is gone before all of it is carried out. */
  const changeAndCrash = async (stopped: boolean): Promise<void> => {
    const { leader } = scene;
    await change(world, leader, id, stopped ? { ...wanted, stopped } : wanted);
    await scene.restart(leader, 3_000);
    await scene.becomesWhole();
  };
  const id = await create(world, scene.leader, wanted);
  await scene.becomesWhole();
  expect(containers()).toBe(3);
  await changeAndCrash(true);
  expect(containers()).toBe(0);
  await changeAndCrash(false);
  expect(containers()).toBe(3);
});
