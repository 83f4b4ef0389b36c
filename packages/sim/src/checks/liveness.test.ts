import { serviceId } from "@murmur/model";
import { afterEach, expect, it } from "vitest";
import type { World } from "../world/world.ts";
import { unmet, type Expectation } from "./liveness.ts";
import { change, create, end, settledWorld, spec } from "./testing/settled.ts";

let world: World | undefined;

afterEach(async () => {
  if (world !== undefined) await end(world);
  world = undefined;
});

async function wholeWorld(): Promise<{ readonly world: World; readonly expected: Expectation }> {
  world = await settledWorld(11, { hosts: 4 });
  const [first] = world.hosts;
  if (first === undefined) throw new Error("there is no host");
  const web = await create(world, first, spec("web", { kind: "replicated", replicas: 3 }));
  const each = await create(world, first, spec("each", { kind: "global" }));
  const gone = await create(world, first, spec("gone", { kind: "replicated", replicas: 1 }));
  await change(world, first, gone, undefined);
  const services: Expectation["services"] = new Map([
    [web, { kind: "running", replicas: 3 }],
    [each, { kind: "running" }],
    [gone, { kind: "removed" }],
  ]);
  return { world, expected: { services } };
}

const WHOLE_MS = 20_000;

it("finds nothing once a cluster is whole, again after a crash, and with a host that is gone for good", async () => {
  const { world, expected } = await wholeWorld();
  expect(unmet(world, expected)).not.toEqual([]);
  const isWhole = (): boolean => unmet(world, expected).length === 0;
  expect(await world.until(isWhole, WHOLE_MS), unmet(world, expected).join("\n")).toBeDefined();

  const victim = world.hosts[1];
  victim?.crash("host");
  victim?.engine.shutDown();
  expect(unmet(world, { ...expected, hosts: world.hosts }).join("\n")).toContain("host2 is in no cluster");
  expect(await world.until(isWhole, 60_000), unmet(world, expected).join("\n")).toBeDefined();

  if (victim !== undefined) world.restart(victim);
  victim?.engine.boot();
  const all = { ...expected, hosts: world.hosts };
  expect(unmet(world, all)).not.toEqual([]);
  const hasAll = (): boolean => unmet(world, all).length === 0;
  expect(await world.until(hasAll, 60_000), unmet(world, all).join("\n")).toBeDefined();
});

it("says what is missing", async () => {
  const { world, expected } = await wholeWorld();
  expect(await world.until(() => unmet(world, expected).length === 0, WHOLE_MS)).toBeDefined();
  const says = (): string => unmet(world, expected).join("\n");

  const never = serviceId("n".repeat(25));
  const services = new Map(expected.services).set(never, { kind: "running" });
  expect(unmet(world, { services })).toEqual([`service ${never} was acknowledged and is gone`]);
  const wrong = new Map([...expected.services].map(([id]) => [id, { kind: "running", replicas: 7 } as const]));
  expect(unmet(world, { services: wrong }).join("\n")).toContain("has 3 replicas, acknowledged were 7");

  const [host] = world.hosts;
  const plane = host?.plane;
  if (host === undefined || plane === undefined) throw new Error("the first host has no data plane");
  const { table } = plane;
  plane.table = { version: 1, networks: [], services: [] };
  expect(says()).toContain("host1 has other endpoints");
  plane.table = table;
  const endpoint = table?.services.flatMap(({ endpoints }) => endpoints)[0];
  if (endpoint === undefined) throw new Error("there is no endpoint");
  plane.suspects = { withdrawn: new Set([endpoint.taskId]), deadNodes: new Set() };
  expect(says()).toContain(`host1 avoids task ${endpoint.taskId}, which runs`);
  plane.suspects = undefined;
  expect(says()).toBe("");

  const mine = host.engine.containers()[0];
  if (mine === undefined) throw new Error("nothing runs on the first host");
  const node = { ...mine.request.node, nodeId: world.hosts[1]?.member?.identity.nodeId ?? mine.request.node.nodeId };
  const orphan = host.engine.create({ ...mine.request, node, task: { ...mine.request.task, slot: 77 } }, untilDone());
  await world.during(orphan);
  expect(says()).toContain("which it is no more");
  host.engine.destroy(await orphan);
  host.engine.destroy(mine.id);
  expect(says()).toContain("has no container");
});

it("says which voters and followers are not there", async () => {
  const { world, expected } = await wholeWorld();
  expect(await world.until(() => unmet(world, expected).length === 0, WHOLE_MS)).toBeDefined();
  const follower = world.hosts.find((host) => host.manager !== undefined && host !== world.leader);
  follower?.crash();
  const rest = { ...expected, hosts: world.running };
  expect(unmet(world, rest).join("\n")).toContain("voters are gone");
  for (const host of world.running) if (host.manager !== undefined) host.crash();
  expect(unmet(world, expected)).toEqual(["nobody leads"]);
});

const untilDone = (): { readonly signal: AbortSignal } => ({ signal: new AbortController().signal });
