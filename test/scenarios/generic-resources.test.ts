import type { ServiceSpec, Task } from "@murmur/model";
import { allChecks, World } from "@murmur/sim";
import { expect, it } from "vitest";
import { change, create, end, settle, spec } from "../../packages/sim/src/checks/testing/settled.ts";

/** Each of three hosts has two GPUs. */
const GPUS = 6;

/** A service whose tasks take a GPU each and fill nodes up. */
function training(replicas: number): ServiceSpec {
  const base = spec("train", { kind: "replicated", replicas });
  const { resources, placement } = base.task;
  const reservations = { ...resources.reservations, generic: { gpu: 1 } };
  return {
    ...base,
    task: {
      ...base.task,
      resources: { ...resources, reservations },
      placement: { ...placement, strategy: "binpack" },
    },
  };
}

it("each GPU has one task, while leaders go: too many wait and say why, and nodes are emptied first", async () => {
  await World.warmUp();
  const world = new World({ seed: 1 });
  const checks = allChecks(world);
  world.observers.push(...checks.observers);
  await settle(world, 3);
  const leader = () => {
    if (world.leader === undefined) throw new Error("nobody leads");
    return world.leader;
  };
  const wanted = (): readonly Task[] =>
    (world.leader?.manager?.view.tasksOfService(id) ?? []).filter(({ desiredState }) => desiredState === "running");
  const running = (): readonly Task[] => wanted().filter(({ status }) => status.state === "running");
  const given = (): readonly string[] =>
    running().flatMap(({ nodeId, genericNames }) =>
      (genericNames?.["gpu"] ?? []).map((name) => `${nodeId ?? ""} ${name}`),
    );
  /** The leader takes the change in, and is gone before all of it is carried out. */
  const scaleAndCrash = async (replicas: number): Promise<void> => {
    const first = leader();
    await change(world, first, id, training(replicas));
    first.crash();
    await world.pass(3_000);
    await world.during(first.resume());
  };
  const id = await create(world, leader(), training(2));
  await world.until(() => running().length === 2, 60_000, 100);
  expect(new Set(running().map(({ nodeId }) => nodeId)).size).toBe(1);

  await scaleAndCrash(GPUS + 2);
  await world.until(() => running().length === GPUS && wanted().length === GPUS + 2, 60_000, 100);
  expect(new Set(given()).size).toBe(GPUS);
  await world.pass(2_000);
  const waiting = wanted().filter(({ status }) => status.state === "pending");
  expect(new Set(waiting.map(({ status }) => status.error))).toEqual(
    new Set(["no suitable node (insufficient resources on 3 nodes)"]),
  );

  await scaleAndCrash(4);
  await world.until(() => running().length === 4 && wanted().length === 4, 60_000, 100);
  expect(new Set(given()).size).toBe(4);
  expect(new Set(running().map(({ nodeId }) => nodeId)).size).toBe(2);
  checks.final();
  await end(world);
});
