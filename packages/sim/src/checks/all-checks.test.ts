import { afterEach, expect, it } from "vitest";
import type { World } from "../world/world.ts";
import { allChecks, type AllChecks } from "./all-checks.ts";
import { leftovers } from "./bounds-checks.ts";
import { unmet, type Expectation } from "./liveness.ts";
import { change, create, end, settledWorld, spec } from "./testing/settled.ts";
import { Violation } from "./violation.ts";

let world: World | undefined;

afterEach(async () => {
  if (world !== undefined) await end(world);
  world = undefined;
});

async function checkedWorld(seed: number, hosts: number): Promise<{ world: World; checks: AllChecks }> {
  let checks: AllChecks | undefined;
  world = await settledWorld(seed, {
    hosts,
    observers: (fresh) => {
      checks = allChecks(fresh);
      return checks.observers;
    },
  });
  if (checks === undefined) throw new Error("a world asks for its observers");
  return { world, checks };
}

it.each([
  [21, 3],
  [22, 5],
])("finds nothing in a minute with services, updates, crashes and restarts (seed %i, %i hosts)", async (seed, size) => {
  const { world, checks } = await checkedWorld(seed, size);
  const via = (): World["hosts"][number] => {
    const host = world.leader;
    if (host === undefined) throw new Error("nobody leads");
    return host;
  };
  const web = spec("web", { kind: "replicated", replicas: 4 }, { publishedPort: 8080, order: "start-first" });
  const id = await create(world, via(), web);
  const each = await create(world, via(), spec("each", { kind: "global" }));
  await world.pass(10_000);
  const leader = via();
  leader.crash();
  expect(await world.until(() => world.leader?.manager !== undefined, 10_000)).toBeDefined();
  await change(world, via(), id, { ...web, task: { ...web.task, forceUpdate: 1 } });
  await world.pass(5_000);
  world.restart(leader);
  await world.pass(10_000);
  const lost = world.hosts.find((host) => host !== world.leader);
  lost?.crash("host");
  lost?.engine.shutDown();
  await world.pass(15_000);
  if (lost !== undefined) {
    lost.engine.boot();
    world.restart(lost);
  }
  await change(world, via(), each, undefined);
  await world.pass(20_000);
  const services: Expectation["services"] = new Map([
    [id, { kind: "running", replicas: 4 }],
    [each, { kind: "removed" }],
  ]);
  expect(await world.until(() => unmet(world, { services }).length === 0, 30_000)).toBeDefined();
  checks.final();
  await end(world);
  expect(await leftovers(world)).toEqual([]);
});

it("fails a run as soon as something is wrong, wherever in the system it shows", async () => {
  const { world: failing } = await checkedWorld(23, 3);
  // It is not to be ended in good order.
  world = undefined;
  const { leader } = failing;
  if (leader === undefined) throw new Error("nobody leads");
  await create(failing, leader, spec("web", { kind: "replicated", replicas: 3 }));
  await failing.pass(5_000);
  const container = leader.engine.containers()[0];
  if (container === undefined) throw new Error("nothing runs on the leader's host");
  // Somebody starts what has ended anew.
  container.exit(0);
  container.start(7, []);
  await expect(failing.pass(5_000)).rejects.toThrow(Violation);
});
