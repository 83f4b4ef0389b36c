import { DEFAULT_RESTART, taskId, type NodeLossPolicy, type ServiceId, type ServiceMode } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { ORPHAN_AFTER_MS, reconcileNodes } from "./reconcile-nodes.ts";
import { STOP_WAIT_MS } from "./settle.ts";
import { spec, TestWorld, withTask } from "./test-world.ts";
import { ENGINE_GRACE_MS } from "./verdict.ts";

function started(): { world: TestWorld; web: ServiceId } {
  const world = new TestWorld({ nodes: 3 });
  const web = world.createService(spec({ mode: { kind: "replicated", replicas: 3 } }));
  world.run(3_000);
  return { world, web };
}

describe("a node that is down", () => {
  it("loses its tasks at once: no delay, no waiting, no attempt counted", () => {
    const { world, web } = started();
    const lost = world.tasks(web).find((task) => task.nodeId === world.node(1));
    world.setNode(1, "down");
    world.settle();
    const next = world.taskIn(web, lost?.slot ?? 0);
    expect(next).toMatchObject({ desiredState: "running", slot: lost?.slot });
    expect(next.notBefore).toBeUndefined();
    expect(next.nodeId).not.toBe(world.node(1));
    expect(world.view.restartHistory(web, next.slot)).toBeUndefined();
    expect(world.view.task(lost?.id ?? next.id)).toMatchObject({
      desiredState: "shutdown",
      status: { state: "running" },
    });
  });

  it("stops what it ran when it comes back, and the replacements stay", () => {
    const { world, web } = started();
    world.setNode(1, "down");
    world.run(3_000);
    const before = world.running(web).map(({ id }) => id);
    world.setNode(1, "ready");
    world.run(3_000);
    expect(world.running(web).map(({ id }) => id)).toEqual(before);
    expect(world.picture(web).filter((line) => line.endsWith("shutdown shutdown"))).toHaveLength(1);
  });

  it("leaves a slot nobody else can fill pending, until there is a node", () => {
    const world = new TestWorld({ nodes: 1 });
    const web = world.createService(spec());
    world.run(3_000);
    world.setNode(1, "down");
    world.run(3_000);
    expect(world.picture(web)).toEqual(["1 shutdown running", "1 running pending"]);
    world.setNode(1, "ready");
    world.run(3_000);
    expect(world.picture(web)).toEqual(["1 shutdown shutdown", "1 running running"]);
  });

  it("keeps no record of a task that is not needed any more: its agent removes what no assignment names", () => {
    const { world, web } = started();
    world.setNode(1, "down");
    world.apply({ kind: "removeService", id: web });
    world.run(3_000);
    expect(world.view.service(web)).toBeUndefined();
    expect(world.view.taskCount).toBe(0);
  });

  it("is not waited for when a service shrinks", () => {
    const { world, web } = started();
    world.stopMs = 1e9;
    world.scale(web, 2);
    world.run(2_000);
    const surplus = world.tasks(web).find((task) => task.desiredState === "remove");
    expect(surplus?.status.state).toBe("running");
    world.setNode(Number(surplus?.nodeId?.slice(1)), "down");
    world.settle();
    expect(world.picture(web)).toHaveLength(2);
    expect(world.running(web)).toHaveLength(2);
  });

  it("has its tasks given up after a day", () => {
    const { world, web } = started();
    world.setNode(1, "down");
    const downAt = world.now;
    world.settle();
    expect(reconcileNodes(world.view, { now: world.now })).toEqual({ commands: [], wakeAt: downAt + ORPHAN_AFTER_MS });
    world.now = downAt + ORPHAN_AFTER_MS;
    world.settle();
    expect(world.picture(web).filter((line) => line.endsWith("shutdown orphaned"))).toHaveLength(1);
    expect(reconcileNodes(world.view, { now: world.now })).toEqual({ commands: [] });
  });

  it("that was removed loses its tasks too", () => {
    const { world, web } = started();
    world.apply({ kind: "removeNode", id: world.node(1), force: true });
    world.run(3_000);
    expect(world.running(web)).toHaveLength(3);
    expect(world.picture(web).filter((line) => line.endsWith("shutdown orphaned"))).toHaveLength(1);
  });
});

describe("a node that is not connected, but not known to be down", () => {
  it("keeps its tasks", () => {
    const { world, web } = started();
    world.setNode(1, "disconnected");
    world.run(60_000, 5_000);
    expect(world.tasks(web)).toHaveLength(3);
  });
});

describe("a drained node", () => {
  it("has its tasks replaced elsewhere, each once the old one has stopped", () => {
    const { world, web } = started();
    world.stopMs = 2_000;
    world.updateNode(1, { availability: "drain" });
    world.run(1_000);
    expect(world.picture(web).filter((line) => line.includes(" ready ready"))).toHaveLength(1);
    world.run(5_000);
    expect(world.running(web)).toHaveLength(3);
    expect(world.running(web).some((task) => task.nodeId === world.node(1))).toBe(false);
  });

  it("that goes down while it drains is not waited for", () => {
    const { world, web } = started();
    world.stopMs = 1e9;
    world.updateNode(1, { availability: "drain" });
    world.run(3_000);
    expect(world.running(web)).toHaveLength(2);
    world.setNode(1, "down");
    world.run(2_000);
    expect(world.running(web)).toHaveLength(3);
  });

  it("whose task does not stop is waited for only so long", () => {
    const { world, web } = started();
    world.stopMs = 1e9;
    world.updateNode(1, { availability: "drain" });
    world.settle();
    const askedAt = world.now;
    expect(world.wakeAt()).toBe(askedAt + 1_000 + STOP_WAIT_MS);
    world.run(STOP_WAIT_MS + 5_000, 1_000);
    expect(world.running(web)).toHaveLength(3);
  });
});

describe("a paused node", () => {
  it("keeps its tasks and gets no new ones", () => {
    const { world, web } = started();
    world.updateNode(1, { availability: "pause" });
    world.scale(web, 6);
    world.run(3_000);
    expect(world.running(web).filter((task) => task.nodeId === world.node(1))).toHaveLength(1);
  });
});

describe("a node whose engine is down", () => {
  it("keeps its tasks for the time that an engine needs to restart", () => {
    const { world, web } = started();
    world.setEngine(1, "down");
    const downAt = world.now;
    expect(world.wakeAt()).toBe(downAt + ENGINE_GRACE_MS);
    world.run(ENGINE_GRACE_MS - 1_000, 1_000);
    world.setEngine(1, "ready");
    world.run(ENGINE_GRACE_MS, 1_000);
    expect(world.tasks(web)).toHaveLength(3);
  });

  it("gets no longer time for it because something else about the node changes", () => {
    const { world, web } = started();
    world.setEngine(1, "down");
    const downAt = world.now;
    for (let times = 0; times < 3; times += 1) {
      world.run(ENGINE_GRACE_MS / 4, ENGINE_GRACE_MS / 4);
      world.updateNode(1, { labels: { times: String(times) } });
      world.apply({ kind: "describeNode", id: world.node(1), engine: { state: "down", message: String(times) } });
    }
    expect(world.wakeAt()).toBe(downAt + ENGINE_GRACE_MS);
    world.now = downAt + ENGINE_GRACE_MS;
    world.settle();
    const lost = world.tasks(web).find((task) => task.nodeId === world.node(1));
    expect(lost?.desiredState).toBe("shutdown");
  });

  it("loses them after it", () => {
    const { world, web } = started();
    world.setEngine(1, "down");
    world.run(ENGINE_GRACE_MS + 6_000, 1_000);
    expect(world.running(web)).toHaveLength(3);
    expect(world.running(web).some((task) => task.nodeId === world.node(1))).toBe(false);
  });
});

describe("a node that has come back at another address", () => {
  const port = { protocol: "tcp", targetPort: 80, publishedPort: 80, mode: "ingress" } as const;
  const published = { endpoint: { mode: "vip", ports: [port] } } as const;
  const restart = { ...DEFAULT_RESTART, condition: "none" } as const;
  /** A task of a service with a published port and of one without, both at the address that their node was at. */
  const moved = (): { world: TestWorld; services: ServiceId[] } => {
    const world = new TestWorld({ nodes: 1 });
    const services = [spec(published), spec({ name: "quiet" })].map((one) =>
      world.createService(withTask(one, { restart })),
    );
    world.run(3_000);
    for (const service of services) {
      const task = world.taskIn(service, 1);
      world.report(task, { state: "running", address: "10.0.0.1" });
    }
    return { world, services };
  };

  it("has its tasks replaced whose ports are published at the old one, whatever their restart policy, and no others", () => {
    const { world, services } = moved();
    const before = services.map((service) => world.taskIn(service, 1));
    world.settle();
    expect(services.map((service) => world.taskIn(service, 1).id)).toEqual(before.map(({ id }) => id));
    world.apply({ kind: "describeNode", id: world.node(1), address: "10.0.9.9:7373" });
    world.run(5_000);
    const [web, quiet] = services.map((service) => world.taskIn(service, 1));
    expect(web).toMatchObject({ desiredState: "running", status: { state: "running" } });
    expect(web?.id).not.toBe(before[0]?.id);
    expect(world.view.task(before[0]?.id ?? taskId(""))).toMatchObject({ desiredState: "shutdown" });
    expect(quiet?.id).toBe(before[1]?.id);
  });

  it("keeps them when only its port is another", () => {
    const { world, services } = moved();
    const before = services.map((service) => world.taskIn(service, 1).id);
    world.apply({ kind: "describeNode", id: world.node(1), address: "10.0.0.1:9999" });
    world.run(5_000);
    expect(services.map((service) => world.taskIn(service, 1).id)).toEqual(before);
  });
});

describe("a service that waits for lost nodes", () => {
  const waiting = (onNodeLoss: NodeLossPolicy, mode: ServiceMode = { kind: "replicated", replicas: 3 }) => {
    const world = new TestWorld({ nodes: 3 });
    const web = world.createService(spec({ mode, onNodeLoss }));
    world.run(3_000);
    const before = world.running(web).map(({ id }) => id);
    world.setNode(1, "down");
    return { world, web, before };
  };
  const ids = (world: TestWorld, web: ServiceId) => world.tasks(web).map(({ id }) => id);

  it.each([{ kind: "replicated", replicas: 3 }, { kind: "global" }] as const)(
    "keeps their tasks when they are back in time: $kind",
    (mode) => {
      const { world, web, before } = waiting({ kind: "replace", afterMs: 60_000 }, mode);
      world.run(50_000);
      expect(ids(world, web)).toEqual(before);
      world.setNode(1, "ready");
      world.run(60_000);
      expect(world.running(web).map(({ id }) => id)).toEqual(before);
      expect(world.decide()).toEqual([]);
    },
  );

  it("replaces them at the deadline, and not before", () => {
    const { world, web, before } = waiting({ kind: "replace", afterMs: 60_000 });
    world.run(59_000);
    expect(ids(world, web)).toEqual(before);
    world.run(3_000);
    expect(ids(world, web)).toHaveLength(4);
  });

  it("waits for ever where it is to, but not for a node that was removed", { timeout: 180_000 }, () => {
    const { world, web, before } = waiting({ kind: "wait" });
    world.run(2 * ORPHAN_AFTER_MS);
    expect(ids(world, web)).toEqual(before);
    world.apply({ kind: "removeNode", id: world.node(1), force: true });
    world.run(3_000);
    expect(world.running(web)).toHaveLength(3);
    expect(world.running(web).map(({ id }) => id)).not.toEqual(before);
  });

  it("gives up first what it waits for, when it shrinks", () => {
    const { world, web } = waiting({ kind: "wait" });
    world.scale(web, 2);
    world.run(3_000);
    const kept = world.tasks(web).filter(({ desiredState }) => desiredState === "running");
    expect(kept).toHaveLength(2);
    expect(kept.map(({ nodeId }) => nodeId)).not.toContain(world.node(1));
  });
});
