import { DEFAULT_RESTART, DEFAULT_UPDATE, type ServiceId, type ServiceMode } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { SERVICE_RELIEFS_MAX } from "./postpone-reliefs.ts";
import { RELIEFS_MAX } from "./reliefs.ts";
import { NODE_MEMORY, spec, TestWorld, withImage, withMemory, withTask } from "./test-world.ts";

const DEADLINE_MS = 60_000;

function started(mode: ServiceMode = { kind: "replicated", replicas: 3 }): { world: TestWorld; web: ServiceId } {
  const world = new TestWorld({ nodes: 3 });
  const web = world.createService(spec({ mode }));
  world.run(3_000);
  return { world, web };
}

const leaveSlowly = (world: TestWorld, number: number, deadlineMs = DEADLINE_MS): void =>
  world.updateNode(number, { availability: "drain", drain: { deadlineMs } });

const runningOn = (world: TestWorld, web: ServiceId, number: number): number =>
  world.running(web).filter(({ nodeId }) => nodeId === world.node(number)).length;

/** Lets time pass and says the fewest tasks that ran at any moment of it. */
function fewest(world: TestWorld, web: ServiceId, forMs: number): number {
  let least = world.running(web).length;
  for (let past = 0; past < forMs; past += 500) {
    world.run(500);
    least = Math.min(least, world.running(web).length);
  }
  return least;
}

describe("a node that is left slowly", () => {
  it("keeps each task until its replacement runs elsewhere", () => {
    const { world, web } = started();
    leaveSlowly(world, 1);
    expect(fewest(world, web, 10_000)).toBe(3);
    expect(runningOn(world, web, 1)).toBe(0);
    expect(world.running(web)).toHaveLength(3);
    expect(world.decide()).toEqual([]);
  });

  it("keeps what can't be replaced until the deadline, and no longer", () => {
    const { world, web } = started();
    for (const number of [2, 3]) world.updateNode(number, { availability: "pause" });
    leaveSlowly(world, 1);
    const until = world.now + DEADLINE_MS;
    world.settle();
    expect(world.nodeRecord(1).drainUntil).toBe(until);
    expect(world.wakeAt()).toBe(until);
    world.run(DEADLINE_MS - 1_000);
    expect(runningOn(world, web, 1)).toBe(1);
    expect(world.picture(web).filter((line) => line.endsWith(" running pending"))).toHaveLength(1);
    world.run(5_000);
    expect(runningOn(world, web, 1)).toBe(0);
    world.updateNode(2, { availability: "active" });
    world.run(5_000);
    expect(world.running(web)).toHaveLength(3);
  });

  /** The most tasks of some services that were on their way up at any moment until all of the node's are replaced. */
  function mostComing(world: TestWorld, ids: readonly ServiceId[]): number {
    let most = 0;
    for (let past = 0; past < DEADLINE_MS - 1_000; past += 500) {
      world.run(500);
      const coming = ids
        .flatMap((id) => world.tasks(id))
        .filter(({ desiredState, status }) => {
          return desiredState === "running" && status.state !== "running";
        });
      most = Math.max(most, coming.length);
    }
    return most;
  }

  it.each([
    [1, 1],
    [3, 3],
    [0, SERVICE_RELIEFS_MAX],
  ])("relieves as many tasks of a service at once as an update replaces: %i", (parallelism, expected) => {
    const world = new TestWorld({ nodes: 2 });
    const update = { ...DEFAULT_UPDATE, parallelism };
    const web = world.createService(spec({ mode: { kind: "replicated", replicas: 24 }, update }));
    world.run(3_000);
    world.addNode(3);
    leaveSlowly(world, 1);
    expect(mostComing(world, [web])).toBe(expected);
    expect(runningOn(world, web, 1)).toBe(0);
    expect(world.running(web)).toHaveLength(24);
  });

  it("relieves so many tasks of the whole cluster at once, and all in the end", () => {
    const world = new TestWorld({ nodes: 1 });
    const ids = Array.from({ length: 2 * RELIEFS_MAX + 3 }, (_, at) =>
      world.createService(spec({ name: `web${String(at)}` })),
    );
    world.run(3_000);
    world.addNode(2);
    leaveSlowly(world, 1);
    expect(mostComing(world, ids)).toBe(RELIEFS_MAX);
    expect(ids.filter((id) => runningOn(world, id, 1) > 0)).toEqual([]);
  });

  it("goes on as before when it takes tasks again: the one that runs stays", () => {
    const { world, web } = started();
    for (const number of [2, 3]) world.updateNode(number, { availability: "pause" });
    const before = world.running(web).map(({ id }) => id);
    leaveSlowly(world, 1);
    world.run(5_000);
    world.updateNode(1, { availability: "active", drain: undefined });
    world.run(10_000);
    expect(world.running(web).map(({ id }) => id)).toEqual(before);
    expect(world.decide()).toEqual([]);
  });

  it("is emptied at once when it is drained without grace after all", () => {
    const { world, web } = started();
    for (const number of [2, 3]) world.updateNode(number, { availability: "pause" });
    leaveSlowly(world, 1);
    world.run(3_000);
    world.updateNode(1, { drain: undefined });
    world.run(3_000);
    expect(runningOn(world, web, 1)).toBe(0);
  });

  it("gets no longer time by being asked for the same again, or by another label", () => {
    const { world } = started();
    leaveSlowly(world, 1);
    const until = world.nodeRecord(1).drainUntil;
    world.now += 10_000;
    leaveSlowly(world, 1);
    world.updateNode(1, { labels: { zone: "a" } });
    expect(world.nodeRecord(1).drainUntil).toBe(until);
    leaveSlowly(world, 1, 2 * DEADLINE_MS);
    expect(world.nodeRecord(1).drainUntil).toBe(world.now + 2 * DEADLINE_MS);
  });

  it("gives up at once what does no work there", () => {
    const { world, web } = started();
    world.updateService(web, (old) => withImage(old, "ill"));
    world.behaviours.set("ill", { kind: "unhealthy" });
    world.run(5_000);
    const ill = world.tasks(web).find(({ spec: { container } }) => container.image === "ill");
    const number = [1, 2, 3].find((each) => ill?.nodeId === world.node(each)) ?? 0;
    leaveSlowly(world, number);
    world.settle();
    expect(world.view.task(ill?.id ?? world.newTaskId())?.desiredState).toBe("shutdown");
  });

  it("is not waited for when it goes down", () => {
    const { world, web } = started();
    for (const number of [2, 3]) world.updateNode(number, { availability: "pause" });
    leaveSlowly(world, 1);
    world.run(3_000);
    world.setNode(1, "down");
    world.updateNode(2, { availability: "active" });
    world.run(5_000);
    expect(runningOn(world, web, 1)).toBe(0);
    expect(world.running(web)).toHaveLength(3);
  });

  it("tries replacements that fail again by the restart policy, and keeps what works meanwhile", () => {
    const { world, web } = started();
    leaveSlowly(world, 1);
    world.settle();
    const before = world.tasks(web).find(({ nodeId }) => nodeId === world.node(1));
    const first = world.taskIn(web, before?.slot ?? 0);
    expect(first.id).not.toBe(before?.id);
    world.run(500);
    world.report(world.taskIn(web, first.slot), { state: "failed", exitCode: 1 });
    expect(fewest(world, web, 30_000)).toBe(3);
    expect(runningOn(world, web, 1)).toBe(0);
    expect(world.view.restartHistory(web, first.slot)?.count).toBe(1);
  });

  it("replaces no task for which the policy has no second try; it goes at the deadline", () => {
    const { world, web } = started();
    const restart = { ...DEFAULT_RESTART, condition: "none" } as const;
    world.updateService(web, (old) => withTask(old, { restart }));
    world.run(60_000);
    leaveSlowly(world, 1);
    world.settle();
    const slot = world
      .tasks(web)
      .find(({ nodeId, desiredState }) => nodeId === world.node(1) && desiredState === "running");
    world.run(500);
    world.report(world.taskIn(web, slot?.slot ?? 0), { state: "failed", exitCode: 1 });
    world.run(20_000);
    expect(runningOn(world, web, 1)).toBe(1);
    world.run(DEADLINE_MS);
    expect(runningOn(world, web, 1)).toBe(0);
  });

  it("whose task ends by itself has it restarted elsewhere", () => {
    const { world, web } = started();
    for (const number of [2, 3]) world.updateNode(number, { availability: "pause" });
    leaveSlowly(world, 1);
    world.settle();
    const left = world.running(web).find(({ nodeId }) => nodeId === world.node(1));
    if (left !== undefined) world.report(left, { state: "failed", exitCode: 1 });
    world.updateNode(2, { availability: "active" });
    world.run(10_000);
    expect(world.running(web)).toHaveLength(3);
    expect(world.view.restartHistory(web, left?.slot ?? 0)).toBeUndefined();
  });

  it("is what a service gives up first when it shrinks", () => {
    const { world, web } = started();
    for (const number of [2, 3]) world.updateNode(number, { availability: "pause" });
    leaveSlowly(world, 1);
    world.settle();
    world.scale(web, 2);
    world.run(3_000);
    expect(runningOn(world, web, 1)).toBe(0);
    expect(world.running(web)).toHaveLength(2);
  });

  it("may be one of several, one after the other: a slot has two tasks at most", () => {
    const { world, web } = started();
    leaveSlowly(world, 1);
    world.run(2_000);
    leaveSlowly(world, 2);
    expect(fewest(world, web, 20_000)).toBe(3);
    expect(runningOn(world, web, 3)).toBe(3);
  });

  it("is left also while a service is updated, with no fewer than the update leaves", () => {
    const { world, web } = started();
    world.updateService(web, (old) => ({ ...withImage(old, "next"), update: { ...DEFAULT_UPDATE, delayMs: 1_000 } }));
    world.run(500);
    leaveSlowly(world, 1);
    expect(fewest(world, web, 120_000)).toBeGreaterThanOrEqual(2);
    expect(runningOn(world, web, 1)).toBe(0);
    expect(world.running(web).every(({ spec: { container } }) => container.image === "next")).toBe(true);
    expect(world.service(web).updateStatus?.state).toBe("completed");
  });

  it("stops tasks of a global service at once: there is no other place for them", () => {
    const { world, web } = started({ kind: "global" });
    leaveSlowly(world, 1);
    world.run(2_000);
    expect(runningOn(world, web, 1)).toBe(0);
  });

  it("waits for room that is freed", () => {
    const world = new TestWorld({ nodes: 2 });
    const big = withMemory(spec({ mode: { kind: "replicated", replicas: 2 } }), NODE_MEMORY * 0.6);
    const web = world.createService(big);
    world.run(3_000);
    leaveSlowly(world, 1);
    world.run(5_000);
    expect(runningOn(world, web, 1)).toBe(1);
    world.addNode(3);
    world.run(5_000);
    expect(runningOn(world, web, 1)).toBe(0);
    expect(world.running(web)).toHaveLength(2);
  });
});

describe("jobs on a node that is left slowly", () => {
  const job = { kind: "replicated-job", totalCompletions: 3, maxConcurrent: 3 } as const;

  it.each([job, { kind: "global-job" }] as const)("come to their end: $kind", (mode) => {
    const world = new TestWorld({ nodes: 3 });
    const batch = world.createService(withImage(spec({ mode }), "batch"));
    world.run(2_500);
    expect(world.running(batch)).toHaveLength(3);
    leaveSlowly(world, 1);
    world.run(10_000);
    expect(world.tasks(batch).map(({ status }) => status.state)).toEqual(["complete", "complete", "complete"]);
  });

  it.each([job, { kind: "global-job" }] as const)("are stopped at the deadline: $kind", (mode) => {
    const world = new TestWorld({ nodes: 3 });
    const batch = world.createService(spec({ mode }));
    world.run(3_000);
    leaveSlowly(world, 1);
    world.run(DEADLINE_MS - 5_000);
    expect(world.tasks(batch).filter(({ nodeId }) => nodeId === world.node(1))).toMatchObject([
      { desiredState: "complete" },
    ]);
    world.run(10_000);
    expect(runningOn(world, batch, 1)).toBe(0);
  });
});
