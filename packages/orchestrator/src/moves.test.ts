import { DEFAULT_RESTART, type ServiceId, type Task } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { MOVES_AT_ONCE } from "./moves.ts";
import { spec, TestWorld, withImage, withTask } from "./test-world.ts";

const FOR_MS = 60_000;

/** Two nodes that have it all, and a third that is new. */
function crowded(replicas = 6): { world: TestWorld; web: ServiceId } {
  const world = new TestWorld({ nodes: 2 });
  const web = world.createService(spec({ mode: { kind: "replicated", replicas } }));
  world.run(3_000);
  world.addNode(3);
  return { world, web };
}

const move = (world: TestWorld, tasks: readonly Task[], forMs = FOR_MS): void =>
  world.apply({ kind: "moveTasks", tasks: tasks.map(({ id }) => id), forMs });

const runningOn = (world: TestWorld, web: ServiceId, number: number): number =>
  world.running(web).filter(({ nodeId }) => nodeId === world.node(number)).length;

describe("tasks that are to move", () => {
  it("work until their replacements do, and only a few are moved at a time", () => {
    const { world, web } = crowded();
    move(world, world.running(web).slice(0, 4));
    let least = 6;
    let most = 0;
    for (let past = 0; past < 30_000; past += 500) {
      world.run(500);
      const running = world.running(web).length;
      const wanted = world.tasks(web).filter(({ desiredState }) => desiredState === "running").length;
      least = Math.min(least, running);
      most = Math.max(most, wanted);
    }
    expect(least).toBe(6);
    expect(most).toBe(6 + MOVES_AT_ONCE);
    expect(world.tasks(web).filter(({ desiredState }) => desiredState === "running")).toHaveLength(6);
    expect(runningOn(world, web, 3)).toBeGreaterThanOrEqual(2);
    expect(world.running(web).filter((task) => task.move !== undefined)).toEqual([]);
    expect(world.decide()).toEqual([]);
  });

  it("stay where they are when nothing takes over in time", () => {
    const { world, web } = crowded(2);
    const before = world.running(web).map(({ id }) => id);
    for (const number of [1, 2, 3]) world.updateNode(number, { availability: "pause" });
    move(world, world.running(web));
    world.run(FOR_MS - 1_000);
    expect(world.picture(web).filter((line) => line.endsWith("running pending"))).toHaveLength(2);
    world.run(5_000);
    expect(world.running(web).map(({ id }) => id)).toEqual(before);
    expect(world.tasks(web).filter(({ desiredState }) => desiredState === "running")).toHaveLength(2);
    expect(world.decide()).toEqual([]);
  });

  it("stay where they are when what was to take over has failed for good", () => {
    const { world, web } = crowded(2);
    const restart = { ...DEFAULT_RESTART, condition: "none" } as const;
    world.updateService(web, (old) => withTask(old, { restart }));
    world.run(60_000);
    const before = world.running(web).map(({ id }) => id);
    move(world, world.running(web).slice(0, 1));
    world.settle();
    world.run(500);
    const [next] = world.tasks(web).filter(({ status }) => status.state === "preparing");
    expect(next).toBeDefined();
    if (next !== undefined) world.report(next, { state: "failed", exitCode: 1 });
    world.run(2 * FOR_MS);
    expect(world.running(web).map(({ id }) => id)).toEqual(before);
    expect(world.tasks(web).filter(({ desiredState }) => desiredState === "running")).toHaveLength(2);
  });

  it("wait while the service is updated, which replaces them anyway", () => {
    const { world, web } = crowded();
    world.updateService(web, (old) => withImage(old, "next"));
    world.run(500);
    move(world, world.running(web));
    world.run(120_000);
    expect(world.running(web)).toHaveLength(6);
    expect(world.running(web).every(({ spec: { container } }) => container.image === "next")).toBe(true);
    expect(world.service(web).updateStatus?.state).toBe("completed");
  });

  it("have no second one beside them when their time is over, and an update stops them first", () => {
    const { world, web } = crowded(1);
    const [first] = world.running(web);
    move(world, world.running(web), 5_000);
    world.settle();
    world.updateService(web, (old) => withImage(old, "next"));
    world.settle();
    const next = world
      .tasks(web)
      .find(({ spec, status }) => spec.container.image === "next" && status.state !== "running");
    expect(world.picture(web)).toEqual(["1 running running", "1 shutdown assigned", "1 ready assigned"]);
    // Nobody leads for a while; then the move is over, what was in the way has stopped, and the last one's node is down.
    world.now += 6_000;
    for (const task of world.tasks(web))
      if (task.desiredState === "shutdown") world.report(task, { state: "shutdown" });
    const at = world.view.nodes().findIndex(({ id }) => id === next?.nodeId);
    world.setNode(at + 1, "down");
    world.onApplied = () => {
      const wanted = world.tasks(web).filter(({ desiredState }) => desiredState === "running");
      expect(wanted.length).toBeLessThanOrEqual(1);
    };
    world.settle();
    world.run(60_000);
    expect(world.running(web).map(({ spec }) => spec.container.image)).toEqual(["next"]);
    expect(world.tasks(web).find(({ id }) => id === first?.id)?.desiredState).not.toBe("running");
  });

  it("are passed over when they don't run or are a global service's", () => {
    const { world, web } = crowded();
    const agent = world.createService(spec({ name: "agent", mode: { kind: "global" } }));
    world.run(3_000);
    const gone = world.newTaskId();
    world.scale(web, 5);
    const [stopped] = world.settle().flatMap((command) => (command.kind === "setDesiredState" ? [command.id] : []));
    world.apply({
      kind: "moveTasks",
      tasks: [gone, stopped ?? gone, ...world.running(agent).map(({ id }) => id)],
      forMs: 1,
    });
    expect([...world.view.tasks()].filter((task) => task.move !== undefined)).toEqual([]);
  });
});
