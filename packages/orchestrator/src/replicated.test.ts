import { NODE_NETWORKS } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { spec, TestWorld, withTask } from "./test-world.ts";

const replicated = (replicas: number): ReturnType<typeof spec> => spec({ mode: { kind: "replicated", replicas } });

describe("a replicated service", () => {
  it("fills its slots and comes to rest", () => {
    const world = new TestWorld();
    const web = world.createService(replicated(3));
    world.run(5_000);
    expect(world.picture(web)).toEqual(["1 running running", "2 running running", "3 running running"]);
    expect(world.decide()).toEqual([]);
    expect(world.wakeAt()).toBeUndefined();
  });

  it("makes tasks from the service: its labels, ports and the default network", () => {
    const world = new TestWorld();
    const port = { protocol: "tcp", targetPort: 8080, publishedPort: 80, mode: "ingress" } as const;
    const web = world.createService({
      ...replicated(1),
      labels: { team: "a" },
      endpoint: { mode: "vip", ports: [port] },
    });
    world.settle();
    expect(world.tasks(web)[0]).toMatchObject({
      serviceName: "web",
      serviceLabels: { team: "a" },
      endpointPorts: [port],
      networks: [{ networkId: world.view.networkByName("default")?.id, aliases: [] }],
      specVersion: world.service(web).specVersion,
    });
  });

  it("makes tasks that are in no network of the cluster when the service is in its nodes' own, and back", () => {
    const world = new TestWorld();
    const own = replicated(1);
    const networks = NODE_NETWORKS.slice(0, 1).map(({ id }) => ({ target: id, aliases: [] }));
    const web = world.createService({ ...own, task: { ...own.task, networks } });
    world.run(3_000);
    expect(world.running(web).map((task) => task.networks)).toEqual([[]]);
    world.updateService(web, () => own);
    world.run(30_000);
    expect(world.running(web).map((task) => task.networks.length)).toEqual([1]);
  });

  it("adds the lowest free slots when scaled up", () => {
    const world = new TestWorld();
    const web = world.createService(replicated(2));
    world.run(3_000);
    world.scale(web, 4);
    world.run(3_000);
    expect(world.running(web).map(({ slot }) => slot)).toEqual([1, 2, 3, 4]);
  });

  it("removes records and all when scaled down", () => {
    const world = new TestWorld();
    const web = world.createService(replicated(4));
    world.run(3_000);
    world.scale(web, 0);
    world.settle();
    expect(world.picture(web).every((line) => line.includes("remove running"))).toBe(true);
    world.run(5_000);
    expect(world.picture(web)).toEqual([]);
  });

  it("fills a slot again while its removed task still stops, without starting the new one beside it", () => {
    const world = new TestWorld({ nodes: 1 });
    world.stopMs = 4_000;
    const web = world.createService(replicated(1));
    world.run(3_000);
    world.scale(web, 0);
    world.run(1_000);
    world.scale(web, 1);
    world.run(2_000);
    expect(world.picture(web)).toEqual(["1 remove running", "1 ready ready"]);
    world.run(6_000);
    expect(world.picture(web)).toEqual(["1 running running"]);
  });

  it("gives up slots that do not run first", () => {
    const world = new TestWorld();
    const web = world.createService(replicated(3));
    world.run(3_000);
    world.report(world.taskIn(web, 1), { state: "failed", exitCode: 1 });
    world.scale(web, 2);
    world.run(3_000);
    expect(world.running(web).map(({ slot }) => slot)).toEqual([2, 3]);
  });

  it("gives up unhealthy slots before healthy ones", () => {
    const world = new TestWorld();
    const web = world.createService(replicated(3));
    world.run(3_000);
    world.report(world.taskIn(web, 2), { state: "running", health: "unhealthy" });
    world.scale(web, 2);
    world.settle();
    expect(world.running(web).map(({ slot }) => slot)).toEqual([1, 3]);
  });

  it("gives up the newest, where nobody says which are missed least", () => {
    const world = new TestWorld();
    const web = world.createService(replicated(4));
    world.run(3_000);
    world.scale(web, 2);
    world.settle();
    expect(world.running(web).map(({ slot }) => slot)).toEqual([1, 2]);
  });

  it("gives up what whoever places tasks says is missed least, but what does not work before it", () => {
    const world = new TestWorld();
    const web = world.createService(replicated(5));
    world.run(3_000);
    world.report(world.taskIn(web, 4), { state: "running", health: "unhealthy" });
    world.leastMissed = (groups) => groups.flatMap((group) => group.toSorted((a, b) => (b.slot % 4) - (a.slot % 4)));
    world.scale(web, 3);
    world.settle();
    expect(world.running(web).map(({ slot }) => slot)).toEqual([1, 2, 5]);
  });

  it("returns about as many commands as asked for, and the rest later", () => {
    const world = new TestWorld();
    const web = world.createService(replicated(50));
    expect(world.decide({ commandsMax: 7 })).toHaveLength(7);
    world.settle({ commandsMax: 7 });
    expect(world.tasks(web)).toHaveLength(50);
    world.run(3_000);
    world.apply({ kind: "removeService", id: web });
    world.settle({ commandsMax: 7 });
    world.run(3_000);
    expect(world.view.service(web)).toBeUndefined();
  });

  it("moves tasks off a node whose labels do not suit them any more", () => {
    const world = new TestWorld();
    world.updateNode(1, { labels: { zone: "east" } });
    const zone = { key: "node.labels.zone", operator: "!=", value: "west" } as const;
    const web = world.createService(
      withTask(replicated(3), {
        placement: { constraints: [zone], preferences: [], maxReplicasPerNode: 0, platforms: [] },
      }),
    );
    world.run(3_000);
    world.updateNode(1, { labels: { zone: "west" }, availability: "pause" });
    world.run(3_000);
    expect(world.running(web)).toHaveLength(3);
    expect(world.running(web).some((task) => task.nodeId === world.node(1))).toBe(false);
  });
});

describe("removing a service", () => {
  it("stops its tasks, removes their records, then its own", () => {
    const world = new TestWorld();
    const web = world.createService(replicated(3));
    world.run(3_000);
    world.apply({ kind: "removeService", id: web });
    world.settle();
    expect(world.picture(web)).toEqual(["1 remove running", "2 remove running", "3 remove running"]);
    world.run(3_000);
    expect(world.view.service(web)).toBeUndefined();
    expect(world.view.taskCount).toBe(0);
  });

  it("takes tasks with it that never started", () => {
    const world = new TestWorld({ nodes: 0 });
    const web = world.createService(replicated(2));
    world.settle();
    world.apply({ kind: "removeService", id: web });
    world.settle();
    expect(world.view.service(web)).toBeUndefined();
  });

  it("takes tasks with it whose node is gone", () => {
    const world = new TestWorld();
    const web = world.createService(replicated(3));
    world.run(3_000);
    world.setNode(1, "down");
    world.apply({ kind: "removeNode", id: world.node(1), force: false });
    world.apply({ kind: "removeService", id: web });
    world.run(3_000);
    expect(world.view.service(web)).toBeUndefined();
  });
});

describe("a service that is stopped", () => {
  it.each(["replicated", "global"] as const)("has no tasks until it is started again: %s", (kind) => {
    const world = new TestWorld();
    const web = world.createService(kind === "global" ? spec({ mode: { kind } }) : replicated(3));
    world.run(5_000);
    world.updateService(web, (old) => ({ ...old, stopped: true }));
    world.run(5_000);
    expect(world.running(web)).toEqual([]);
    expect(world.tasks(web).map(({ desiredState }) => desiredState)).toEqual(["shutdown", "shutdown", "shutdown"]);
    expect(world.decide()).toEqual([]);
    world.updateService(web, (old) => ({ ...old, stopped: false }));
    world.run(5_000);
    expect(world.running(web)).toHaveLength(3);
    expect(world.decide()).toEqual([]);
  });

  it("takes along what was waiting for its turn, and starts with as many as it was scaled to meanwhile", () => {
    const world = new TestWorld();
    const web = world.createService(replicated(2));
    world.run(5_000);
    world.report(world.tasks(web)[0]!, { state: "failed" });
    world.settle();
    expect(world.tasks(web).map(({ desiredState }) => desiredState)).toContain("ready");
    world.updateService(web, (old) => ({ ...old, stopped: true }));
    world.scale(web, 4);
    world.run(60_000);
    expect(world.running(web)).toEqual([]);
    world.updateService(web, (old) => ({ ...old, stopped: false }));
    world.run(5_000);
    expect(world.running(web)).toHaveLength(4);
  });

  it("runs a job again from its beginning", () => {
    const world = new TestWorld();
    const batch = world.createService(
      spec({ mode: { kind: "replicated-job", maxConcurrent: 1, totalCompletions: 2 } }),
    );
    world.run(5_000);
    world.updateService(batch, (old) => ({ ...old, stopped: true }));
    world.run(5_000);
    expect(world.running(batch)).toEqual([]);
    world.updateService(batch, (old) => ({ ...old, stopped: false }));
    world.run(5_000);
    expect(world.running(batch)).toHaveLength(1);
  });
});
