import type { ServiceSpec, Task } from "@murmur/model";
import { expect, it } from "vitest";
import { CheckedWorld } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { change, create, spec } from "../../packages/sim/src/checks/testing/settled.ts";

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
  await using scene = await CheckedWorld.settled(1, 3);
  const { world } = scene;
  const wanted = (): readonly Task[] => scene.tasks(id).filter(({ desiredState }) => desiredState === "running");
  const running = (): readonly Task[] => scene.up(id);
  const given = (): readonly string[] =>
    running().flatMap(({ nodeId, genericNames }) =>
      (genericNames?.["gpu"] ?? []).map((name) => `${nodeId ?? ""} ${name}`),
    );
  /** The leader takes the change in, and is gone before all of it is carried out. */
  const scaleAndCrash = async (replicas: number): Promise<void> => {
    const { leader } = scene;
    await change(world, leader, id, training(replicas));
    await scene.restart(leader, 3_000);
  };
  const id = await create(world, scene.leader, training(2));
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
});
