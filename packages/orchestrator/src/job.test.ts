import { DEFAULT_RESTART } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { spec, TestWorld, withImage, withTask } from "./test-world.ts";

const job = (totalCompletions: number, maxConcurrent: number): ReturnType<typeof spec> =>
  withImage(spec({ mode: { kind: "replicated-job", totalCompletions, maxConcurrent } }), "batch");

describe("a replicated job", () => {
  it("completes every slot, no more at once than allowed, and then rests", () => {
    const world = new TestWorld();
    const batch = world.createService(job(5, 2));
    let most = 0;
    for (let step = 0; step < 80; step += 1) {
      world.run(500);
      most = Math.max(most, world.tasks(batch).filter((task) => task.status.state !== "complete").length);
    }
    expect(most).toBe(2);
    expect(world.picture(batch)).toEqual([1, 2, 3, 4, 5].map((slot) => `${String(slot)} complete complete`));
    expect(world.decide()).toEqual([]);
  });

  it("runs all at once without a limit", () => {
    const world = new TestWorld();
    const batch = world.createService(job(5, 0));
    world.settle();
    expect(world.tasks(batch)).toHaveLength(5);
  });

  it("tries a failed slot again, but not one that cannot succeed for ever", () => {
    const world = new TestWorld();
    const restart = { ...DEFAULT_RESTART, maxAttempts: 1, delayMs: 1_000 };
    const batch = world.createService(withTask(withImage(job(2, 2), "crashes"), { restart }));
    world.run(120_000, 500);
    expect(world.picture(batch).toSorted()).toEqual([
      "1 shutdown failed",
      "1 shutdown failed",
      "2 shutdown failed",
      "2 shutdown failed",
    ]);
  });

  it("is not tried again at all with condition none", () => {
    const world = new TestWorld();
    const restart = { ...DEFAULT_RESTART, condition: "none" } as const;
    const batch = world.createService(withTask(withImage(job(2, 1), "crashes"), { restart }));
    world.run(60_000, 500);
    expect(world.picture(batch)).toEqual(["1 shutdown failed", "2 shutdown failed"]);
  });

  it("runs again after an update; what is left of the run before goes", () => {
    const world = new TestWorld();
    const batch = world.createService(job(3, 0));
    world.run(3_000);
    const before = world.tasks(batch).map(({ id }) => id);
    world.updateService(batch, (old) => withTask(old, { forceUpdate: 1 }));
    world.run(12_000);
    expect(world.picture(batch)).toEqual(["1 complete complete", "2 complete complete", "3 complete complete"]);
    expect(world.tasks(batch).some(({ id }) => before.includes(id))).toBe(false);
    expect(world.service(batch).updateStatus).toBeUndefined();
  });

  it("moves from a node that is lost", () => {
    const world = new TestWorld({ nodes: 2 });
    const batch = world.createService(job(4, 0));
    world.run(2_500);
    world.setNode(1, "down");
    world.run(10_000);
    expect(world.tasks(batch).filter((task) => task.status.state === "complete")).toHaveLength(4);
  });

  it("lets a slot be whose lost task turns out to have completed", () => {
    const world = new TestWorld({ nodes: 2 });
    const batch = world.createService(job(1, 0));
    world.run(2_500);
    const lost = world.taskIn(batch, 1);
    const number = lost.nodeId === world.node(1) ? 1 : 2;
    world.setNode(number, "down");
    world.run(1_000);
    world.setNode(number, "ready");
    world.report(lost, { state: "complete", exitCode: 0 });
    world.run(10_000);
    expect(world.picture(batch).toSorted()).toEqual(["1 shutdown complete", "1 shutdown shutdown"]);
  });
});
