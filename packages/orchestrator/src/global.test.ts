import { DEFAULT_RESTART, type ServiceId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { NODE_MEMORY, spec, TestWorld, withImage, withMemory, withTask } from "./test-world.ts";

function started(nodes = 3): { world: TestWorld; web: ServiceId } {
  const world = new TestWorld({ nodes });
  const web = world.createService(spec({ mode: { kind: "global" } }));
  world.run(3_000);
  return { world, web };
}

describe("a global service", () => {
  it("has one task on every node, and on those that join", () => {
    const { world, web } = started();
    expect(world.picture(web)).toEqual(["@1 running running", "@2 running running", "@3 running running"]);
    world.addNode(4);
    world.run(3_000);
    expect(world.running(web)).toHaveLength(4);
    expect(world.decide()).toEqual([]);
  });

  it("leaves a drained node and returns to it", () => {
    const { world, web } = started();
    world.updateNode(1, { availability: "drain" });
    world.run(3_000);
    expect(world.picture(web)).toContain("@1 shutdown shutdown");
    expect(world.running(web)).toHaveLength(2);
    world.updateNode(1, { availability: "active" });
    world.run(3_000);
    expect(world.running(web)).toHaveLength(3);
  });

  it("stays on a paused node, but is not started again there", () => {
    const { world, web } = started();
    world.updateNode(1, { availability: "pause" });
    world.run(1_000);
    expect(world.running(web)).toHaveLength(3);
    world.report(world.taskIn(web, world.node(1)), { state: "failed" });
    world.run(10_000);
    expect(world.running(web)).toHaveLength(2);
    world.updateNode(1, { availability: "active" });
    world.run(3_000);
    expect(world.running(web)).toHaveLength(3);
  });

  it("gives up a node that is down, and returns when it does", () => {
    const { world, web } = started();
    world.setNode(1, "down");
    world.settle();
    expect(world.picture(web)).toContain("@1 shutdown running");
    world.setNode(1, "ready");
    world.run(5_000);
    expect(world.running(web)).toHaveLength(3);
  });

  it("takes tasks with it that no node was told of", () => {
    const world = new TestWorld();
    const web = world.createService(withMemory(spec({ mode: { kind: "global" } }), NODE_MEMORY + 1));
    world.run(1_000);
    expect(world.picture(web)).toEqual(["@1 running pending", "@2 running pending", "@3 running pending"]);
    world.apply({ kind: "removeService", id: web });
    world.settle();
    expect(world.view.service(web)).toBeUndefined();
    expect(world.view.taskCount).toBe(0);
  });

  it("starts on a node as soon as there is room, one after the other", () => {
    const world = new TestWorld({ nodes: 1 });
    const create = (name: string): ServiceId =>
      world.createService(withMemory(spec({ name, mode: { kind: "global" } }), NODE_MEMORY * 0.6));
    const [first, second] = [create("first"), create("second")];
    world.run(3_000);
    expect([...world.running(first), ...world.running(second)]).toHaveLength(1);
    const runs = world.running(first).length === 1 ? first : second;
    world.apply({ kind: "removeService", id: runs });
    world.run(3_000);
    expect(world.running(runs === first ? second : first)).toHaveLength(1);
  });

  it("keeps its task on a node whose engine is down: it has nowhere else to go", () => {
    const { world, web } = started();
    world.setEngine(1, "down");
    world.run(120_000, 5_000);
    world.setEngine(1, "ready");
    world.run(5_000);
    expect(world.tasks(web)).toHaveLength(3);
  });

  it("follows the labels of nodes", () => {
    const world = new TestWorld();
    world.updateNode(1, { labels: { disk: "ssd" } });
    const placement = {
      constraints: [{ key: "node.labels.disk", operator: "==", value: "ssd" } as const],
      preferences: [],
      maxReplicasPerNode: 0,
      platforms: [],
    };
    const web = world.createService(withTask(spec({ mode: { kind: "global" } }), { placement }));
    world.run(3_000);
    expect(world.picture(web)).toEqual(["@1 running running"]);
    world.updateNode(2, { labels: { disk: "ssd" } });
    world.updateNode(1, { labels: {} });
    world.run(3_000);
    expect(world.picture(web)).toEqual(["@1 shutdown shutdown", "@2 running running"]);
  });

  it("has no task on a node of another platform", () => {
    const world = new TestWorld();
    const platforms = [{ os: "windows" }];
    const web = world.createService(
      withTask(spec({ mode: { kind: "global" } }), {
        placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms },
      }),
    );
    world.run(3_000);
    expect(world.tasks(web)).toEqual([]);
  });

  it("forgets the tasks of a node that was removed", () => {
    const { world, web } = started();
    world.apply({ kind: "removeNode", id: world.node(1), force: true });
    world.run(3_000);
    expect(world.picture(web)).toEqual(["@2 running running", "@3 running running"]);
  });

  it("is restarted by its policy, on its node", () => {
    const { world, web } = started();
    world.report(world.taskIn(web, world.node(2)), { state: "failed" });
    world.run(9_000);
    expect(world.picture(web)).toContain("@2 shutdown failed");
    expect(world.running(web)).toHaveLength(3);
    expect(world.view.restartHistory(web, world.node(2))?.restarts).toHaveLength(1);
  });

  it("that waits on a node without room can be removed", () => {
    const world = new TestWorld({ nodes: 2 });
    world.place = () => {};
    const web = world.createService(spec({ mode: { kind: "global" } }));
    world.settle();
    expect(world.picture(web)).toEqual(["@1 running pending", "@2 running pending"]);
    world.apply({ kind: "removeService", id: web });
    world.settle();
    expect(world.view.service(web)).toBeUndefined();
  });
});

describe("a global job", () => {
  const job = withImage(spec({ mode: { kind: "global-job" } }), "batch");

  it("runs once on every node, and on those that join later", () => {
    const world = new TestWorld({ nodes: 2 });
    const batch = world.createService(job);
    world.run(1_500);
    expect(world.picture(batch)).toEqual(["@1 complete starting", "@2 complete starting"]);
    world.run(10_000);
    world.addNode(3);
    world.run(10_000);
    expect(world.picture(batch)).toEqual(["@1 complete complete", "@2 complete complete", "@3 complete complete"]);
    expect(world.decide()).toEqual([]);
  });

  it("tries again where it failed, as its policy allows", () => {
    const world = new TestWorld({ nodes: 1 });
    const restart = { ...DEFAULT_RESTART, maxAttempts: 2, delayMs: 1_000 };
    const batch = world.createService(withTask(withImage(job, "crashes"), { restart }));
    world.run(60_000, 500);
    expect(world.picture(batch)).toEqual(Array.from({ length: 3 }, () => "@1 shutdown failed"));
    expect(world.decide()).toEqual([]);
  });
});
