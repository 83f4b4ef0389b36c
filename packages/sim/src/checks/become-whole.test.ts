import type { ServiceSpec } from "@murmur/model";
import { afterEach, expect, it } from "vitest";
import { workImage } from "../workload/work-image.ts";
import type { World } from "../world/world.ts";
import { becomeWhole } from "./become-whole.ts";
import { unmet } from "./liveness.ts";
import { create, end, settledWorld, spec } from "./testing/settled.ts";

let world: World | undefined;

afterEach(async () => {
  if (world !== undefined) await end(world);
  world = undefined;
});

/** A host of a settled world has four CPUs: two such runs don't go beside each other. */
const NANO_CPUS = 3_000_000_000;

/** A job of so many runs, one at a time, each of which has a whole host for itself. */
function jobOf(name: string, image: string, totalCompletions: number): ServiceSpec {
  const job = spec(name, { kind: "replicated-job", totalCompletions, maxConcurrent: 1 }, { image });
  const reservations = { ...job.task.resources.reservations, nanoCpus: NANO_CPUS };
  return { ...job, task: { ...job.task, resources: { ...job.task.resources, reservations } } };
}

/** One host, its leader, and services on it; returns when that began and what becomes of it. */
async function oneHostWith(
  services: readonly ServiceSpec[],
): Promise<{ readonly tookMs: number; readonly why: string }> {
  world = await settledWorld(21, { hosts: 1 });
  const [host] = world.hosts;
  if (host === undefined) throw new Error("there is no host");
  for (const service of services) await create(world, host, service);
  const start = world.queue.now;
  const why = await becomeWhole(world).then(() => "", String);
  return { tookMs: world.queue.now - start, why };
}

it("waits for jobs that take turns at the same room as long as their runs take", async () => {
  const image = workImage(30_000);
  const { tookMs, why } = await oneHostWith([jobOf("one", image, 3), jobOf("other", image, 3)]);
  expect(why).toBe("");
  expect(tookMs).toBeGreaterThan(180_000);
  expect(tookMs).toBeLessThan(200_000);
  expect(unmet(world as World, { services: new Map() })).toEqual([]);
});

it("waits for a job whose runs fail no longer than they would take", async () => {
  const { tookMs, why } = await oneHostWith([jobOf("fails", workImage(20_000, 1), 2)]);
  expect(why).toMatch(/not whole: job \w+ is done 0 times/);
  expect(tookMs).toBeLessThan(200_000);
});

it("waits for nothing else beside a job's runs", async () => {
  const failing = spec("fails", { kind: "replicated", replicas: 1 }, { image: workImage(1_000, 1) });
  const { tookMs, why } = await oneHostWith([failing, jobOf("long", workImage(300_000), 1)]);
  expect(why).toContain("has 0 tasks in 0 slots, wanted are 1");
  expect(tookMs).toBeLessThan(140_000);
});
