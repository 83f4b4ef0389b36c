import { allChecks, unmet, World } from "@murmur/sim";
import { expect, it } from "vitest";
import { change, create, end, settle, spec } from "../../packages/sim/src/checks/testing/settled.ts";

const WHOLE_MS = 60_000;

it.each(["replicated", "global"] as const)("a %s service is stopped and started while leaders go", async (kind) => {
  await World.warmUp();
  const world = new World({ seed: 1 });
  const checks = allChecks(world);
  world.observers.push(...checks.observers);
  await settle(world, 3);
  const mode = kind === "global" ? { kind } : { kind, replicas: 3 };
  const wanted = spec("web", mode);
  const leader = () => {
    if (world.leader === undefined) throw new Error("nobody leads");
    return world.leader;
  };
  const becomesWhole = async (): Promise<void> => {
    const undone = (): string[] => unmet(world, { services: new Map(), hosts: world.running });
    await world.until(() => world.leader !== undefined && undone().length === 0, WHOLE_MS, 100);
    expect(undone()).toEqual([]);
  };
  const containers = (): number =>
    world.hosts.flatMap(({ engine }) => engine.containers()).filter(({ live }) => live).length;
  /** The leader takes the change in, and is gone before all of it is carried out. */
  const changeAndCrash = async (stopped: boolean): Promise<void> => {
    const first = leader();
    await change(world, first, id, stopped ? { ...wanted, stopped } : wanted);
    first.crash();
    await world.pass(3_000);
    await world.during(first.resume());
    await becomesWhole();
  };
  const id = await create(world, leader(), wanted);
  await becomesWhole();
  expect(containers()).toBe(3);
  await changeAndCrash(true);
  expect(containers()).toBe(0);
  await changeAndCrash(false);
  expect(containers()).toBe(3);
  checks.final();
  await end(world);
});
