import { describe, expect, it } from "vitest";
import { spec, TestWorld } from "./test-world.ts";

/** Loses the slot's task and lets a new one come up, so many times. */
function history(limit: number, losses: number): readonly string[] {
  const world = new TestWorld({ nodes: 2, taskHistoryLimit: limit });
  const web = world.createService(spec());
  world.run(3_000);
  for (let times = 0; times < losses; times += 1) {
    world.report(world.taskIn(web, 1), { state: "failed" });
    world.run(310_000, 5_000);
  }
  return world.picture(web);
}

const FAILED = "1 shutdown failed";
const RUNNING = "1 running running";

describe("the history of a slot", () => {
  it.each([
    [5, 8, [FAILED, FAILED, FAILED, FAILED, RUNNING]],
    [2, 4, [FAILED, RUNNING]],
    [1, 4, [RUNNING]],
    [0, 4, [RUNNING]],
    [5, 2, [FAILED, FAILED, RUNNING]],
  ])("with limit %s after %s failures", (limit, losses, expected) => {
    expect(history(limit, losses)).toEqual(expected);
  });

  it("keeps the last task and the one before it until the replacement is up", () => {
    const world = new TestWorld({ nodes: 1, taskHistoryLimit: 0 });
    const web = world.createService(spec());
    world.run(3_000);
    world.report(world.taskIn(web, 1), { state: "failed" });
    world.run(3_000);
    expect(world.picture(web)).toEqual([FAILED, "1 ready ready"]);
    world.run(6_000);
    expect(world.picture(web)).toEqual([RUNNING]);
  });

  it("shrinks when the limit does", () => {
    const world = new TestWorld({ nodes: 2, taskHistoryLimit: 5 });
    const web = world.createService(spec());
    world.run(3_000);
    for (let times = 0; times < 3; times += 1) {
      world.report(world.taskIn(web, 1), { state: "failed" });
      world.run(60_000, 2_000);
    }
    const cluster = world.view.cluster();
    expect(cluster).toBeDefined();
    if (cluster === undefined) return;
    world.apply({ kind: "updateCluster", version: cluster.version, spec: { ...cluster.spec, taskHistoryLimit: 2 } });
    world.settle();
    expect(world.picture(web)).toEqual([FAILED, RUNNING]);
  });
});
