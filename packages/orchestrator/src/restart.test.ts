import { DEFAULT_RESTART, LIMITS, type RestartPolicy, type ServiceId, type Task } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { BACKOFF_CEILING_MS, QUICK_FAILURE_MS, RESTARTS_KEPT } from "./restart.ts";
import { spec, TestWorld, withImage, withTask } from "./test-world.ts";

function started(restart: Partial<RestartPolicy>, nodes = 1): { world: TestWorld; web: ServiceId } {
  const world = new TestWorld({ nodes });
  const web = world.createService(withTask(spec(), { restart: { ...DEFAULT_RESTART, ...restart } }));
  world.run(3_000);
  return { world, web };
}

/** Ends the slot's task and lets the orchestrator answer; the replacement, when there is one. */
function end(world: TestWorld, web: ServiceId, state: "failed" | "complete"): Task | undefined {
  const task = world.taskIn(web, 1);
  world.report(task, { state, exitCode: state === "failed" ? 1 : 0 });
  world.settle();
  const last = world.taskIn(web, 1);
  return last.id === task.id ? undefined : last;
}

describe("a task that ends", () => {
  it("is replaced in its slot after the delay, by a task that is prepared before", () => {
    const { world, web } = started({ delayMs: 5_000 });
    world.now += QUICK_FAILURE_MS;
    const failedAt = world.now;
    const next = end(world, web, "failed");
    expect(next).toMatchObject({ slot: 1, desiredState: "ready", notBefore: failedAt + 5_000 });
    expect(world.wakeAt()).toBe(failedAt + 5_000);
    world.run(4_500);
    expect(world.picture(web)).toEqual(["1 shutdown failed", "1 ready ready"]);
    world.run(2_000);
    expect(world.picture(web)).toEqual(["1 shutdown failed", "1 running running"]);
  });

  it.each([
    ["any", "failed", true],
    ["any", "complete", true],
    ["on-failure", "failed", true],
    ["on-failure", "complete", false],
    ["none", "failed", false],
    ["none", "complete", false],
  ] as const)("with condition %s, %s: replaced %s", (condition, state, expected) => {
    const { world, web } = started({ condition });
    expect(end(world, web, state) !== undefined).toBe(expected);
    world.run(10_000);
    expect(world.running(web)).toHaveLength(expected ? 1 : 0);
    expect(world.decide()).toEqual([]);
  });

  it("is replaced when it could not be prepared", () => {
    const world = new TestWorld();
    const web = world.createService(withImage(spec(), "missing"));
    world.run(4_000);
    expect(world.picture(web)).toEqual(["1 shutdown rejected", "1 ready rejected"]);
    world.run(4_000);
    expect(world.picture(web)).toEqual(["1 shutdown rejected", "1 shutdown rejected", "1 ready rejected"]);
  });

  it("does not burn the engine's time: an image that cannot be had is tried ever more rarely", () => {
    const world = new TestWorld();
    const web = world.createService(
      withImage(withTask(spec(), { restart: { ...DEFAULT_RESTART, delayMs: 0 } }), "missing"),
    );
    let made = 0;
    world.onApplied = ({ kind }) => (made += kind === "createTask" ? 1 : 0);
    world.run(60_000);
    const early = made;
    world.run(3_600_000, 5_000);
    expect(early).toBeLessThanOrEqual(10);
    expect(made - early).toBeLessThanOrEqual(20);
    expect(world.tasks(web).length).toBeLessThanOrEqual(6);
  });

  it("stays down once the attempts are used up, however often it is looked at", () => {
    const { world, web } = started({ maxAttempts: 2, delayMs: 1_000 });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(end(world, web, "failed")).toBeDefined();
      world.run(5_000);
    }
    expect(end(world, web, "failed")).toBeUndefined();
    world.run(600_000, 60_000);
    expect(world.picture(web)).toEqual(Array.from({ length: 3 }, () => "1 shutdown failed"));
  });

  it("is allowed its attempts anew under a new spec", () => {
    const { world, web } = started({ maxAttempts: 1, delayMs: 1_000 });
    end(world, web, "failed");
    world.run(5_000);
    expect(end(world, web, "failed")).toBeUndefined();
    world.updateService(web, (old) => withTask(old, { forceUpdate: 1 }));
    world.run(5_000);
    expect(world.running(web)).toHaveLength(1);
    expect(end(world, web, "failed")).toBeDefined();
  });

  it("counts attempts within the window only", () => {
    const { world, web } = started({ maxAttempts: 1, delayMs: 1_000, windowMs: 60_000 });
    for (let times = 0; times < 4; times += 1) {
      expect(end(world, web, "failed")).toBeDefined();
      world.run(120_000, 20_000);
    }
    expect(end(world, web, "failed")).toBeDefined();
    world.run(5_000);
    expect(end(world, web, "failed")).toBeUndefined();
    world.run(600_000, 60_000);
    expect(world.running(web)).toHaveLength(0);
  });

  it("remembers no more restarts than it may", () => {
    const { world, web } = started({ delayMs: 0, maxAttempts: 1_000 });
    for (let times = 0; times < RESTARTS_KEPT - 1; times += 1) {
      expect(end(world, web, "failed")).toBeDefined();
      world.run(BACKOFF_CEILING_MS + 10_000, 10_000);
    }
    expect(end(world, web, "failed")).toBeDefined();
    world.run(BACKOFF_CEILING_MS + 10_000, 10_000);
    expect(end(world, web, "failed")).toBeDefined();
    const history = world.view.restartHistory(web, 1);
    expect(history?.restarts).toHaveLength(RESTARTS_KEPT);
    expect(history?.count).toBe(RESTARTS_KEPT + 1);
  });

  it.each([
    ["ever", 0, 40],
    ["within a window", 100 * 24 * 3_600_000, 40],
    ["within a window, more than is kept", 100 * 24 * 3_600_000, LIMITS.restarts + 1],
  ])("may be tried again more often than back-off remembers: attempts counted %s", (_what, windowMs, maxAttempts) => {
    const { world, web } = started({ delayMs: 0, maxAttempts, windowMs });
    let restarts = 0;
    while (end(world, web, "failed") !== undefined) {
      restarts += 1;
      world.run(BACKOFF_CEILING_MS + 10_000, BACKOFF_CEILING_MS / 2);
    }
    expect(restarts).toBe(Math.min(maxAttempts, LIMITS.restarts));
    expect(world.decide()).toEqual([]);
  });
});

describe("back-off", () => {
  /** The delays before so many restarts, each of a task that lives `lifeMs`. */
  function delays(count: number, lifeMs: number, restart: Partial<RestartPolicy> = {}): number[] {
    const { world, web } = started(restart);
    return Array.from({ length: count }, () => {
      world.now += lifeMs;
      const endedAt = world.now;
      const next = end(world, web, "failed");
      const delay = (next?.notBefore ?? endedAt) - endedAt;
      world.run(delay + 2_000, 500);
      return delay;
    });
  }

  it("leaves the first restarts to the policy, then doubles up to the ceiling", () => {
    const seen = delays(12, 0);
    expect(seen.slice(0, 2)).toEqual([5_000, 5_000]);
    const nominal = [5_000, 10_000, 20_000, 40_000, 80_000, 160_000].map((backoff) => 5_000 + backoff);
    for (const [position, most] of nominal.entries()) {
      expect(seen[position + 2]).toBeLessThanOrEqual(most);
      expect(seen[position + 2]).toBeGreaterThanOrEqual(5_000 + (most - 5_000) * 0.8);
    }
    for (const delay of seen.slice(8)) {
      expect(delay).toBeLessThanOrEqual(BACKOFF_CEILING_MS);
      expect(delay).toBeGreaterThanOrEqual(BACKOFF_CEILING_MS * 0.8);
    }
  });

  it("does not touch a service that lives for a while each time", () => {
    expect(delays(8, QUICK_FAILURE_MS)).toEqual(Array.from({ length: 8 }, () => 5_000));
  });

  it("never shortens a policy's own delay", () => {
    expect(delays(5, 0, { delayMs: 2 * BACKOFF_CEILING_MS })).toEqual(
      Array.from({ length: 5 }, () => 2 * BACKOFF_CEILING_MS),
    );
  });

  it("begins anew once a task has lived for a while", () => {
    const { world, web } = started({ delayMs: 1_000 });
    for (let times = 0; times < 6; times += 1) {
      end(world, web, "failed");
      world.run(200_000, 1_000 * 2 ** times);
    }
    world.run(QUICK_FAILURE_MS);
    const endedAt = world.now;
    expect(end(world, web, "failed")?.notBefore).toBe(endedAt + 1_000);
  });

  it("is not reset by another leader: it follows from the state", () => {
    const { world, web } = started({});
    for (let times = 0; times < 4; times += 1) {
      end(world, web, "failed");
      world.run(60_000, 1_000);
      world.now += 0;
    }
    const history = world.view.restartHistory(web, 1);
    expect(history?.restarts).toHaveLength(4);
    expect(history?.specVersion).toBe(world.service(web).specVersion);
  });
});

describe("a clock that is off", () => {
  it("does not make a task's end come before its creation, nor after its last change", () => {
    const { world, web } = started({ maxAttempts: 1, windowMs: 60_000, delayMs: 1_000 });
    const failBy = (skewMs: number): void => {
      const task = world.taskIn(web, 1);
      const status = { state: "failed", at: Math.max(0, world.now + skewMs), message: "failed" } as const;
      if (task.nodeId !== undefined) {
        world.apply({ kind: "reportTasks", nodeId: task.nodeId, statuses: [{ id: task.id, status }] });
      }
      world.settle();
    };
    failBy(-1e12);
    world.run(5_000);
    expect(world.running(web)).toHaveLength(1);
    failBy(1e12);
    world.run(5_000);
    expect(world.running(web)).toHaveLength(0);
  });
});
