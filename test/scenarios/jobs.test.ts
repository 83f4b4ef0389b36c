import type { ServiceMode, ServiceSpec, Task } from "@murmur/model";
import { unmet, workImage } from "@murmur/sim";
import { expect, it } from "vitest";
import { CheckedWorld } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { change, create, spec } from "../../packages/sim/src/checks/testing/settled.ts";

const WHOLE_MS = 120_000;
const LEADERS_LOST = 3;

const job = (mode: ServiceMode, image: string): ServiceSpec => spec("batch", mode, { image });

/** Runs a job on three hosts, of whose managers one after the other is killed while it leads; then the job anew. */
async function runJob(seed: number, mode: ServiceMode): Promise<{ firstRun: Run; secondRun: Run }> {
  await using scene = await CheckedWorld.settled(seed, 3);
  const { world } = scene;
  /** The job works on while its leader goes, several times, until it is done. */
  const followed = async (): Promise<Run> => {
    let most = 0;
    const undone = (): string[] => unmet(world, { services: new Map(), hosts: world.running });
    const isDone = (): boolean => {
      const working = scene.tasks(id).filter(({ status: { state } }) => state === "starting" || state === "running");
      most = Math.max(most, working.length);
      return world.leader !== undefined && undone().length === 0;
    };
    for (let lost = 0; lost < LEADERS_LOST; lost += 1) {
      await world.until(isDone, 1_500, 50);
      await scene.changeLeader();
    }
    await world.until(isDone, WHOLE_MS, 50);
    expect(undone()).toEqual([]);
    const runs = world.leader?.manager?.view.service(id)?.jobIteration?.index;
    const done = scene
      .tasks(id)
      .filter(({ status, jobIteration }) => status.state === "complete" && jobIteration === runs);
    const keys = done.map(({ slot, nodeId }) => (slot === 0 ? nodeId : slot));
    return { completed: new Set(keys).size, most, images: [...new Set(done.map((task) => task.spec.container.image))] };
  };
  const id = await create(world, scene.leader, job(mode, workImage(2_000)));
  const firstRun = await followed();
  await change(world, scene.leader, id, job(mode, workImage(1_000)));
  const secondRun = await followed();
  return { firstRun, secondRun };
}

interface Run {
  readonly completed: number;
  /** Tasks that worked at the same time. */
  readonly most: number;
  readonly images: readonly string[];
}

it.each([1, 2, 3])("a job completes as often as it should, while leaders go, and again: seed %i", async (seed) => {
  const { firstRun, secondRun } = await runJob(seed, { kind: "replicated-job", totalCompletions: 6, maxConcurrent: 2 });
  expect(firstRun).toMatchObject({ completed: 6, most: 2, images: [workImage(2_000)] });
  expect(secondRun).toMatchObject({ completed: 6, most: 2, images: [workImage(1_000)] });
});

it.each([1, 2, 3])("a job of each node completes there once, while leaders go: seed %i", async (seed) => {
  const { firstRun, secondRun } = await runJob(seed, { kind: "global-job" });
  expect(firstRun).toMatchObject({ completed: 3, images: [workImage(2_000)] });
  expect(secondRun).toMatchObject({ completed: 3, images: [workImage(1_000)] });
});

it("a job that can't succeed ends where its restart policy ends, and the next leader doesn't begin it anew", async () => {
  await using scene = await CheckedWorld.settled(1, 3);
  const { world } = scene;
  const failing = job({ kind: "replicated-job", totalCompletions: 2, maxConcurrent: 0 }, workImage(500, 3));
  const restart = { condition: "on-failure", delayMs: 500, maxAttempts: 1, windowMs: 0 } as const;
  const id = await create(world, scene.leader, { ...failing, task: { ...failing.task, restart } });
  const tasks = (): readonly Task[] => scene.tasks(id);
  const hasEnded = (): boolean => tasks().length === 4 && tasks().every(({ status }) => status.state === "failed");
  await world.until(() => tasks().length === 4, 20_000, 50);
  await scene.changeLeader();
  await world.until(hasEnded, WHOLE_MS, 50);
  await world.pass(60_000);
  expect(tasks().map(({ status }) => [status.state, status.exitCode])).toEqual([1, 2, 3, 4].map(() => ["failed", 3]));
});
