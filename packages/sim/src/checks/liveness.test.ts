import { holdsSlot, serviceId, type ServiceId, type ServiceSpec, type Task } from "@murmur/model";
import { afterEach, expect, it } from "vitest";
import type { World } from "../world/world.ts";
import { isWhole, unmet, type Expectation } from "./liveness.ts";
import { waitsForRoom } from "./node-room.ts";
import type { ServiceExpectation } from "./unmet-services.ts";
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
  expect(isWhole(world, expected)).toBe(false);
  const isNow = (): boolean => unmet(world, expected).length === 0;
  expect(await world.until(isNow, WHOLE_MS), unmet(world, expected).join("\n")).toBeDefined();
  expect(isWhole(world, expected)).toBe(true);

  const victim = world.hosts[1];
  victim?.crash("host");
  victim?.engine.shutDown();
  expect(unmet(world, { ...expected, hosts: world.hosts }).join("\n")).toContain("host2 is in no cluster");
  expect(await world.until(isNow, 60_000), unmet(world, expected).join("\n")).toBeDefined();

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

it("excuses a task for which no node has room, and no other", async () => {
  world = await settledWorld(12, { hosts: 3 });
  const { leader } = world;
  if (leader === undefined) throw new Error("nobody leads");
  const small = await create(world, leader, spec("small", { kind: "replicated", replicas: 1 }));
  const services = new Map<ServiceId, ServiceExpectation>([[small, { kind: "running", replicas: 1 }]]);
  const isWhole = (): boolean => world !== undefined && unmet(world, { services }).length === 0;
  expect(await world.until(isWhole, WHOLE_MS), unmet(world, { services }).join("\n")).toBeDefined();

  const large = await create(world, leader, reserving(LARGE, 4_000_000_000));
  services.set(large, { kind: "running" });
  const states = (): string[] =>
    (leader.manager?.view.tasksOfService(large) ?? []).map(({ status }) => status.state).sort();
  const placed = (): boolean => isWhole() && states().join() === "pending,running,running";
  expect(await world.until(placed, WHOLE_MS), unmet(world, { services }).join("\n")).toBeDefined();

  const view = leader.manager?.view;
  const waiting = view?.tasksOfService(large).find(({ status }) => status.state === "pending");
  const node = waiting?.nodeId === undefined ? undefined : view?.node(waiting.nodeId);
  if (view === undefined || waiting === undefined || node === undefined) throw new Error("no task waits");
  expect(waitsForRoom(view, [node], waiting)).toBe(true);
  expect(waitsForRoom(view, [node], { ...waiting, spec: reserving(LARGE, 3_900_000_000).task })).toBe(false);
  expect(waitsForRoom(view, view.nodes(), { ...waiting, spec: spec("small", LARGE.mode).task })).toBe(false);
  expect(waitsForRoom(view, [], waiting)).toBe(false);

  await change(world, leader, small, spec("small", { kind: "replicated", replicas: 0 }));
  services.set(small, { kind: "running", replicas: 0 });
  const allRun = (): boolean => isWhole() && states().join() === "running,running,running";
  expect(await world.until(allRun, WHOLE_MS), unmet(world, { services }).join("\n")).toBeDefined();
});

it("excuses an update that waits for room, and tasks on a node that their service waits for, and no others", async () => {
  world = await settledWorld(13, { hosts: 4 });
  const { leader } = world;
  if (leader === undefined) throw new Error("nobody leads");
  const service = (options: Parameters<typeof spec>[2], nanoCpus: number): ServiceSpec => ({
    ...reserving(spec("web", { kind: "replicated", replicas: 4 }, options), nanoCpus),
    onNodeLoss: { kind: "wait" },
  });
  // A node has four CPUs.
  const web = await create(world, leader, service({}, 3_000_000_000));
  const services = new Map<ServiceId, ServiceExpectation>([[web, { kind: "running", replicas: 4 }]]);
  const hosts = [...world.hosts];
  const says = (): readonly string[] => (world === undefined ? ["no world"] : unmet(world, { services, hosts }));
  const becomes = async (more: () => boolean = () => true): Promise<void> => {
    expect(await world?.until(() => says().length === 0 && more(), 40_000), says().join("\n")).toBeDefined();
  };
  const update = (): string | undefined => leader.manager?.view.service(web)?.updateStatus?.state;
  const tasks = (state: string): number =>
    (leader.manager?.view.tasksOfService(web) ?? []).filter((task) => holdsSlot(task) && task.status.state === state)
      .length;
  await becomes(() => tasks("running") === 4);

  await change(world, leader, web, service({ image: "web:2", order: "start-first" }, 3_000_000_000));
  expect(says().join()).toContain("is still being updated");
  await becomes(() => update() === "updating" && tasks("running") === 4 && tasks("pending") === 1);
  await change(world, leader, web, service({ image: "web:3" }, 3_000_000_000));
  await becomes(() => update() === "completed" && tasks("pending") === 0);

  const victim = hosts.find((host) => host !== leader && host.manager === undefined);
  const lost = victim?.member?.identity.nodeId;
  if (victim === undefined || lost === undefined) throw new Error("all hosts are managers");
  victim.crash("host");
  victim.engine.shutDown();
  hosts.splice(hosts.indexOf(victim), 1);
  await becomes(() => leader.manager?.view.node(lost)?.status.state === "down" && tasks("running") === 4);
  await change(world, leader, web, { ...service({ image: "web:3" }, 3_000_000_000), stopped: true });
  expect(says().join()).toContain("is stopped, and its task");
  await becomes(() => tasks("running") === 0);
});

it.each([true, false])("excuses a job's run on a node that is away only if its service waits: %s", async (waits) => {
  world = await settledWorld(14, { hosts: 3 });
  const [leader, victim] = world.hosts;
  if (leader === undefined || victim === undefined) throw new Error("there are three");
  const mode = { kind: "replicated-job", totalCompletions: 3, maxConcurrent: 3 } as const;
  const job = spec("job", mode, { image: "work.example/5000ms:0" });
  const id = await create(world, leader, waits ? { ...job, onNodeLoss: { kind: "wait" } } : job);
  const tasks = (): readonly Task[] => leader.manager?.view.tasksOfService(id) ?? [];
  await world.until(() => tasks().filter(({ status }) => status.state === "running").length === 3, WHOLE_MS);
  victim.crash("host");
  const services: Expectation["services"] = new Map();
  expect(unmet(world, { services }).join("\n")).toContain(`job ${id} is done 0 times`);
  const isWhole = (): boolean => unmet(world as World, { services }).length === 0;
  expect(await world.until(isWhole, 60_000), unmet(world, { services }).join("\n")).toBeDefined();
  expect(tasks().filter(({ status }) => status.state === "complete")).toHaveLength(waits ? 2 : 3);
});

it("excuses the runs of a job that may not begin beside one that its service waits for", async () => {
  world = await settledWorld(15, { hosts: 3 });
  const { leader } = world;
  if (leader === undefined) throw new Error("nobody leads");
  const mode = { kind: "replicated-job", totalCompletions: 3, maxConcurrent: 1 } as const;
  const job: ServiceSpec = { ...spec("job", mode, { image: "work.example/5000ms:0" }), onNodeLoss: { kind: "wait" } };
  const id = await create(world, leader, job);
  const running = (): Task | undefined =>
    world?.leader?.manager?.view.tasksOfService(id).find(({ status }) => status.state === "running");
  await world.until(() => running() !== undefined, WHOLE_MS);
  const victim = world.hosts.find(({ member }) => member?.identity.nodeId === running()?.nodeId);
  victim?.crash("host");
  const services: Expectation["services"] = new Map();
  expect(unmet(world, { services })).not.toEqual([]);
  const isWhole = (): boolean => unmet(world as World, { services }).length === 0;
  expect(await world.until(isWhole, 60_000), unmet(world, { services }).join("\n")).toBeDefined();
  expect(world.leader?.manager?.view.tasksOfService(id)).toHaveLength(1);
});

it("excuses the runs of a job that may not begin beside one that waits for room", async () => {
  world = await settledWorld(16, { hosts: 3 });
  const { leader } = world;
  if (leader === undefined) throw new Error("nobody leads");
  const jobOf = (maxConcurrent: number, nanoCpus: number): ServiceSpec => {
    const mode = { kind: "replicated-job", totalCompletions: 3, maxConcurrent } as const;
    return reserving(spec(`job${String(maxConcurrent)}`, mode, { image: "work.example/5000ms:0" }), nanoCpus);
  };
  // A node has four CPUs.
  await create(world, leader, jobOf(1, 5_000_000_000));
  const services: Expectation["services"] = new Map();
  expect(unmet(world, { services })).not.toEqual([]);
  const isWhole = (): boolean => unmet(world as World, { services }).length === 0;
  expect(await world.until(isWhole, WHOLE_MS), unmet(world, { services }).join("\n")).toBeDefined();
  // One that has room has to come to its end.
  await create(world, leader, jobOf(2, 0));
  await world.pass(2_000);
  expect(unmet(world, { services }).join("\n")).toMatch(/^job \w+ is done 0 times$/);
  expect(await world.until(isWhole, WHOLE_MS), unmet(world, { services }).join("\n")).toBeDefined();
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

const LARGE = spec("large", { kind: "global" });

const reserving = (wanted: ServiceSpec, nanoCpus: number): ServiceSpec => ({
  ...wanted,
  task: {
    ...wanted.task,
    resources: { ...wanted.task.resources, reservations: { nanoCpus, memoryBytes: 0 } },
  },
});

const untilDone = (): { readonly signal: AbortSignal } => ({ signal: new AbortController().signal });
