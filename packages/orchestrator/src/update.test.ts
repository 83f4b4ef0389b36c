import { assert } from "@murmur/base";
import type { Command, ServiceId, ServiceSpec, UpdateConfig } from "@murmur/model";
import { DEFAULT_RESTART, DEFAULT_UPDATE, secretId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { NODE_MEMORY, spec, TestWorld, withImage, withMemory, withTask } from "./test-world.ts";

const REPLICAS = 4;

function started(update: Partial<UpdateConfig> = {}, replicas = REPLICAS): { world: TestWorld; web: ServiceId } {
  const world = new TestWorld({ nodes: 3 });
  const config = { ...DEFAULT_UPDATE, ...update };
  const web = world.createService({
    ...spec({ mode: { kind: "replicated", replicas } }),
    update: config,
    rollback: { ...DEFAULT_UPDATE, parallelism: 0, monitorMs: 2_000 },
  });
  world.run(4_000);
  return { world, web };
}

const state = (world: TestWorld, web: ServiceId): string | undefined => world.service(web).updateStatus?.state;
const images = (world: TestWorld, web: ServiceId): string[] =>
  world.running(web).map((task) => task.spec.container.image);

/** Runs until the update ends; the fewest and the most tasks that ran, and the most slots on their way, at any step. */
function watch(world: TestWorld, web: ServiceId, forMs = 200_000): { fewest: number; most: number; moving: number } {
  const seen = { fewest: Infinity, most: 0, moving: 0 };
  const until = world.now + forMs;
  while (world.now < until && ["updating", "rollback_started"].includes(state(world, web) ?? "")) {
    world.run(500);
    const running = world.tasks(web).filter((task) => task.status.state === "running").length;
    seen.fewest = Math.min(seen.fewest, running);
    seen.most = Math.max(seen.most, running);
    const isNew = world.running(web).filter((task) => task.specVersion === world.service(web).specVersion).length;
    const all = world.tasks(web).filter((task) => task.specVersion === world.service(web).specVersion).length;
    seen.moving = Math.max(seen.moving, all - isNew);
  }
  return seen;
}

describe("a rolling update", () => {
  it("replaces one task after the other, each stopped before its successor starts", () => {
    const { world, web } = started();
    world.updateService(web, (old) => withImage(old, "v2"));
    const { fewest, most, moving } = watch(world, web);
    expect({ fewest, most, moving }).toEqual({ fewest: REPLICAS - 1, most: REPLICAS, moving: 1 });
    expect(images(world, web)).toEqual(["v2", "v2", "v2", "v2"]);
    expect(world.service(web).updateStatus).toMatchObject({ state: "completed", message: "update completed" });
    expect(world.decide()).toEqual([]);
  });

  it("replaces as many at once as the parallelism says", () => {
    const { world, web } = started({ parallelism: 3 });
    world.updateService(web, (old) => withImage(old, "v2"));
    expect(watch(world, web)).toMatchObject({ moving: 3 });
  });

  it("replaces all at once with parallelism 0", () => {
    const { world, web } = started({ parallelism: 0 });
    world.updateService(web, (old) => withImage(old, "v2"));
    world.settle();
    expect(world.picture(web).filter((line) => line.includes("ready pending"))).toHaveLength(0);
    expect(world.tasks(web).filter(({ desiredState }) => desiredState === "shutdown")).toHaveLength(REPLICAS);
  });

  it("starts before it stops when told to", () => {
    const { world, web } = started({ order: "start-first" });
    world.updateService(web, (old) => withImage(old, "v2"));
    const { fewest, most } = watch(world, web);
    expect({ fewest, most }).toEqual({ fewest: REPLICAS, most: REPLICAS + 1 });
    expect(images(world, web)).toEqual(["v2", "v2", "v2", "v2"]);
  });

  it("waits for health before it stops the old task", () => {
    const { world, web } = started({ order: "start-first" }, 1);
    world.behaviours.set("v2", { kind: "unhealthy" });
    world.updateService(web, (old) => withImage(old, "v2"));
    world.run(10_000);
    expect(images(world, web)).toEqual(["runs", "v2"]);
    world.report(world.taskIn(web, 1), { state: "running", health: "healthy" });
    world.run(2_000);
    expect(images(world, web)).toEqual(["v2"]);
  });

  it("keeps no old task that isn't up: it may hold the room that its replacement needs (seed 950000553)", () => {
    const world = new TestWorld({ nodes: 1 });
    const restart = { ...DEFAULT_RESTART, delayMs: 600_000 };
    const big = withMemory(spec({ mode: { kind: "replicated", replicas: 1 } }), NODE_MEMORY * 0.6);
    const update = { ...DEFAULT_UPDATE, order: "start-first" } as const;
    const web = world.createService({ ...withImage(withTask(big, { restart }), "crashes"), update });
    world.run(30_000);
    expect(world.tasks(web).at(-1)).toMatchObject({ desiredState: "ready", status: { state: "ready" } });
    world.updateService(web, (old) => withImage(old, "v2"));
    world.run(30_000);
    expect(images(world, web)).toEqual(["v2"]);
    expect(state(world, web)).toBe("completed");
  });

  it("waits the delay between two tasks", () => {
    const { world, web } = started({ delayMs: 20_000 }, 2);
    world.updateService(web, (old) => withImage(old, "v2"));
    world.run(19_000);
    expect(images(world, web).toSorted()).toEqual(["runs", "v2"]);
    world.run(6_000);
    expect(world.tasks(web).filter((task) => task.spec.container.image === "v2")).toHaveLength(2);
    expect(state(world, web)).toBe("updating");
    world.run(30_000);
    expect(state(world, web)).toBe("completed");
  });

  it("watches the last task for the monitor period", () => {
    const { world, web } = started({ monitorMs: 30_000 }, 1);
    world.updateService(web, (old) => withImage(old, "v2"));
    world.run(20_000);
    expect(images(world, web)).toEqual(["v2"]);
    expect(state(world, web)).toBe("updating");
    world.run(20_000);
    expect(state(world, web)).toBe("completed");
  });

  it("leaves tasks alone when nothing that they are made from has changed", () => {
    const { world, web } = started();
    const before = world.tasks(web).map(({ id }) => id);
    world.updateService(web, (old) => ({ ...old, labels: { a: "b" }, update: { ...old.update, parallelism: 2 } }));
    world.run(5_000);
    expect(world.tasks(web).map(({ id }) => id)).toEqual(before);
  });

  it("replaces what does not run first, and is not held up by what no node has room for", () => {
    const { world, web } = started();
    world.updateNode(2, { availability: "pause" });
    world.updateNode(3, { availability: "pause" });
    world.setNode(1, "down");
    world.run(2_000);
    const waiting = world
      .tasks(web)
      .filter((task) => task.status.state === "pending")
      .map(({ slot }) => slot);
    expect(waiting.length).toBeGreaterThan(0);
    world.updateService(web, (old) => withImage(old, "v2"));
    world.settle();
    const first = world.tasks(web).find((task) => task.spec.container.image === "v2");
    expect(waiting).toContain(first?.slot);
    expect(first?.desiredState).toBe("running");
  });

  it("brings a task that ended for good back with the new spec", () => {
    const world = new TestWorld();
    const once = withTask(spec(), { restart: { ...DEFAULT_RESTART, condition: "none" } });
    const web = world.createService(withImage(once, "batch"));
    world.run(10_000);
    expect(world.picture(web)).toEqual(["1 shutdown complete"]);
    world.updateService(web, (old) => withImage(old, "v2"));
    world.run(5_000);
    expect(images(world, web)).toEqual(["v2"]);
  });

  it("carries on where it is when a node is lost in its middle", () => {
    const { world, web } = started();
    world.updateService(web, (old) => withImage(old, "v2"));
    world.run(5_000);
    world.setNode(1, "down");
    watch(world, web);
    expect(images(world, web)).toEqual(["v2", "v2", "v2", "v2"]);
    expect(state(world, web)).toBe("completed");
  });

  it("goes on with the newest spec when it is changed in its middle", () => {
    const { world, web } = started();
    world.updateService(web, (old) => withImage(old, "v2"));
    world.run(6_000);
    world.updateService(web, (old) => withImage(old, "v3"));
    watch(world, web);
    expect(images(world, web)).toEqual(["v3", "v3", "v3", "v3"]);
  });

  it("and a change of the replicas go together", () => {
    const { world, web } = started();
    world.updateService(web, (old) => ({ ...withImage(old, "v2"), mode: { kind: "replicated", replicas: 6 } }));
    watch(world, web);
    expect(images(world, web)).toEqual(Array.from({ length: 6 }, () => "v2"));
    world.updateService(web, (old) => ({ ...withImage(old, "v3"), mode: { kind: "replicated", replicas: 2 } }));
    watch(world, web);
    expect(images(world, web)).toEqual(["v3", "v3"]);
    expect(state(world, web)).toBe("completed");
  });
});

describe("an update to an image that crashes after a while", () => {
  it("pauses; slots that had their turn before that are not saved", () => {
    const { world, web } = started();
    world.updateService(web, (old) => withImage(old, "crashes"));
    watch(world, web);
    world.run(60_000, 1_000);
    expect(images(world, web).filter((running) => running === "runs")).toHaveLength(REPLICAS - 2);
    expect(state(world, web)).toBe("paused");
  });

  it("does not count a task that ended long after it was watched", () => {
    const { world, web } = started({ delayMs: 700_000 }, 2);
    world.updateService(web, (old) => withImage(old, "v2"));
    world.run(600_000, 10_000);
    const current = world.running(web).find((task) => task.spec.container.image === "v2");
    world.report(world.taskIn(web, current?.slot ?? 0), { state: "failed" });
    world.run(60_000, 10_000);
    expect(state(world, web)).toBe("updating");
  });
});

describe.each([["broken"], ["missing"]])("an update to an image that is %s", (image) => {
  it("pauses at the first failure, with the others untouched", () => {
    const { world, web } = started();
    world.updateService(web, (old) => withImage(old, image));
    watch(world, web);
    const failed = world.tasks(web).find((task) => task.spec.container.image === image);
    expect(world.service(web).updateStatus).toMatchObject({
      state: "paused",
      message: `update paused due to failure or early termination of task ${failed?.id ?? ""}`,
    });
    world.run(60_000, 1_000);
    expect(images(world, web).filter((running) => running === "runs")).toHaveLength(REPLICAS - 1);
    expect(state(world, web)).toBe("paused");
  });

  it("keeps the old task when the new one is started first", () => {
    const { world, web } = started({ order: "start-first" });
    world.updateService(web, (old) => withImage(old, image));
    watch(world, web);
    world.run(60_000, 1_000);
    expect(images(world, web).filter((running) => running === "runs")).toHaveLength(REPLICAS);
  });

  it("rolls back by itself and keeps the old tasks that still run", () => {
    const { world, web } = started({ failureAction: "rollback" });
    const before = world.running(web).map(({ id }) => id);
    world.updateService(web, (old) => withImage(old, image));
    while (state(world, web) === "updating") world.run(500);
    const failed = world.tasks(web).find((task) => task.spec.container.image === image);
    const cause = `due to failure or early termination of task ${failed?.id ?? ""}`;
    expect(world.service(web).updateStatus).toMatchObject({
      state: "rollback_started",
      message: `update rolled back ${cause}`,
    });
    watch(world, web);
    expect(world.service(web).updateStatus).toMatchObject({ state: "rollback_completed" });
    expect(images(world, web)).toEqual(["runs", "runs", "runs", "runs"]);
    const kept = world.running(web).filter(({ id }) => before.includes(id));
    expect(kept).toHaveLength(REPLICAS - 1);
    expect(world.decide()).toEqual([]);
  });

  it("goes on when told to continue", () => {
    const { world, web } = started({ failureAction: "continue" });
    world.updateService(web, (old) => withImage(old, image));
    watch(world, web);
    expect(state(world, web)).toBe("completed");
    expect(images(world, web)).not.toContain("runs");
  });

  it("goes on while no larger part fails than is allowed", () => {
    const { world, web } = started({ maxFailureRatio: 0.5 });
    world.updateService(web, (old) => withImage(old, image));
    watch(world, web);
    expect(state(world, web)).toBe("paused");
    const touched = new Set(
      world.tasks(web).flatMap((task) => (task.spec.container.image === image ? [task.slot] : [])),
    );
    expect(touched.size).toBe(3);
  });

  it("pauses when the rollback fails too", () => {
    const { world, web } = started({ failureAction: "rollback" });
    world.updateService(web, (old) => withImage(old, image));
    while (state(world, web) === "updating") world.run(500);
    world.behaviours.set("runs", { kind: "rejected" });
    watch(world, web);
    expect(world.service(web).updateStatus?.message).toMatch(/^rollback paused due to failure/);
    expect(state(world, web)).toBe("rollback_paused");
  });
});

describe("a paused update", () => {
  it("is taken up by the user's next one", () => {
    const { world, web } = started();
    world.updateService(web, (old) => withImage(old, "crashes"));
    watch(world, web);
    world.updateService(web, (old) => withImage(old, "v3"));
    watch(world, web);
    expect(images(world, web)).toEqual(["v3", "v3", "v3", "v3"]);
    expect(state(world, web)).toBe("completed");
  });

  it("does not hold up an update that was made while the pause was on its way", () => {
    const { world, web } = started();
    world.updateService(web, (old) => withImage(old, "missing"));
    let pause: Command | undefined;
    world.onApplied = (command) => {
      if (command.kind === "setUpdateStatus" && command.status.state === "paused") pause = command;
    };
    watch(world, web);
    assert(pause !== undefined, "the update has paused");
    world.updateService(web, (old) => withImage(old, "v2"));
    expect(world.tryApply(pause)).toMatchObject({ ok: false, code: "out_of_date" });
    watch(world, web);
    expect(images(world, web)).toEqual(["v2", "v2", "v2", "v2"]);
  });

  it("replaces tasks that end meanwhile with the new spec", () => {
    const { world, web } = started();
    world.updateService(web, (old) => withImage(old, "crashes"));
    watch(world, web);
    const old = world.running(web).find((task) => task.spec.container.image === "runs");
    expect(old).toBeDefined();
    world.report(world.taskIn(web, old?.slot ?? 0), { state: "failed" });
    world.settle();
    expect(world.taskIn(web, old?.slot ?? 0).spec.container.image).toBe("crashes");
  });
});

describe("a rollback that the user asked for", () => {
  it("takes up the old tasks that still run", () => {
    const { world, web } = started({ order: "start-first" });
    world.updateService(web, (old) => withImage(old, "v2"));
    world.run(4_000);
    const { version } = world.service(web);
    world.apply({ kind: "rollbackService", id: web, version });
    watch(world, web);
    expect(images(world, web)).toEqual(["runs", "runs", "runs", "runs"]);
    expect(state(world, web)).toBe("rollback_completed");
  });
});

describe("a rollback", () => {
  it("is not stopped by what failed before the update", () => {
    const { world, web } = started();
    world.report(world.taskIn(web, 1), { state: "failed" });
    world.run(8_000);
    world.updateService(web, (old) => withImage(old, "v2"));
    watch(world, web);
    world.apply({ kind: "rollbackService", id: web, version: world.service(web).version });
    watch(world, web);
    expect(state(world, web)).toBe("rollback_completed");
  });

  it("does not go to a spec with the same tasks: an update that was scaled in its middle pauses", () => {
    const { world, web } = started({ failureAction: "rollback" });
    world.updateService(web, (old) => withImage(old, "broken"));
    world.run(500);
    world.scale(web, REPLICAS + 1);
    watch(world, web);
    expect(state(world, web)).toBe("paused");
    expect(world.service(web).spec.mode).toMatchObject({ replicas: REPLICAS + 1 });
  });

  it("never leads back to the spec that was given up, whatever fails later", () => {
    const world = new TestWorld({ nodes: 2 });
    const update = { ...DEFAULT_UPDATE, failureAction: "rollback" } as const;
    const web = world.createService({ ...spec({ mode: { kind: "global" } }), update });
    world.run(4_000);
    world.updateService(web, (old) => withImage(old, "v2"));
    watch(world, web);
    world.updateNode(2, { availability: "pause" });
    world.apply({ kind: "rollbackService", id: web, version: world.service(web).version });
    watch(world, web);
    expect(images(world, web).toSorted()).toEqual(["runs", "v2"]);
    world.behaviours.set("runs", { kind: "broken" });
    world.updateNode(2, { availability: "active" });
    world.run(20_000);
    expect(world.service(web).spec.task.container.image).toBe("runs");
    expect(state(world, web)).toBe("rollback_paused");
  });

  it("is decided alone: what else the round saw is of the spec that goes", () => {
    const world = new TestWorld({ nodes: 3 });
    const update = { ...DEFAULT_UPDATE, order: "start-first", failureAction: "rollback", parallelism: 0 } as const;
    const web = world.createService({ ...spec(), update });
    world.run(500);
    world.updateService(web, (old) => withImage(old, "broken"));
    while (state(world, web) === "updating") {
      world.now += 500;
      world.stepAgents();
      const commands = world.decide();
      const position = commands.findIndex(({ kind }) => kind === "rollbackService");
      expect(position).toBe(position < 0 ? -1 : commands.length - 1);
      world.settle();
    }
    watch(world, web);
    expect(images(world, web)).toEqual(["runs"]);
  });
});

describe("a global service's update", () => {
  it("goes node by node and passes over paused nodes", () => {
    const world = new TestWorld({ nodes: 3 });
    const web = world.createService(spec({ mode: { kind: "global" } }));
    world.run(3_000);
    world.updateNode(2, { availability: "pause" });
    world.updateService(web, (old) => withImage(old, "v2"));
    expect(watch(world, web)).toMatchObject({ fewest: 2, moving: 1 });
    expect(images(world, web).toSorted()).toEqual(["runs", "v2", "v2"]);
    expect(state(world, web)).toBe("completed");
    world.updateNode(2, { availability: "active" });
    world.run(20_000);
    expect(images(world, web)).toEqual(["v2", "v2", "v2"]);
  });
});

describe("an old task that can't start any more", () => {
  const withSecret = (base: ServiceSpec, name: string | undefined): ServiceSpec => {
    const { secrets: _, ...container } = base.task.container;
    const file = { name: "key", uid: 0, gid: 0, mode: 0o444 };
    const secrets = name === undefined ? [] : [{ secretId: secretId(name), secretName: name, file }];
    return withTask(base, { container: { ...container, ...(secrets.length > 0 && { secrets }) } });
  };

  it("is replaced, though the update is held up for want of room and its turn would never come", () => {
    const world = new TestWorld({ nodes: 1 });
    world.apply({ kind: "createSecret", id: secretId("old"), spec: { name: "old", labels: {} }, sealed: "c2VhbGVk" });
    world.updateNode(1, { availability: "pause" });
    const web = world.createService(withSecret(spec({ mode: { kind: "replicated", replicas: 2 } }), "old"));
    world.run(1_000);
    const [first, second] = world.tasks(web);
    assert(first !== undefined && second !== undefined, "both wait for a node");
    world.updateService(web, (old) => withMemory(withSecret(old, undefined), 2 * NODE_MEMORY));
    world.run(5_000);
    expect(world.taskIn(web, 1).specVersion).toBe(world.service(web).specVersion);
    expect(world.taskIn(web, 2).specVersion).not.toBe(world.service(web).specVersion);
    world.apply({ kind: "removeSecret", id: secretId("old") });
    world.run(5_000);
    expect(world.view.task(second.id)?.desiredState).not.toBe("running");
    expect(world.taskIn(web, 2).specVersion).toBe(world.service(web).specVersion);
    expect(state(world, web)).toBe("updating");
  });
});
