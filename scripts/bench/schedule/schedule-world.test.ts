import { ManualClock, silentLog } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { ScheduleWorld, type Shape } from "./schedule-world.ts";

async function settle(clock: ManualClock, world: ScheduleWorld, tasks: number): Promise<void> {
  for (let turn = 0; world.assigned < tasks && turn < 1_000; turn += 1) await clock.advance(1);
}

/** How many tasks each node was given. */
const counts = (world: ScheduleWorld): readonly number[] =>
  world.nodes.map((node) => world.store.view.tasksOfNode(node).length);

describe("the schedule bench's world", () => {
  const shapes: readonly Shape[] = [
    { nodes: 30, services: 12, tasks: 10, constraints: false },
    { nodes: 30, services: 1, tasks: 1_200, constraints: false },
    { nodes: 30, services: 300, tasks: 1, constraints: false },
  ];
  it.each(shapes)("gives every task a node, evenly: %o", async (shape) => {
    const clock = new ManualClock();
    await using world = new ScheduleWorld(shape.nodes, { clock, log: silentLog });
    world.createServices(shape);
    await settle(clock, world, shape.services * shape.tasks);
    const each = (shape.services * shape.tasks) / shape.nodes;
    expect(new Set(counts(world))).toEqual(new Set([each]));
    expect(world.refused).toBe(0);
  });

  it("keeps to constraints: every third node has what they ask for", async () => {
    const clock = new ManualClock();
    await using world = new ScheduleWorld(30, { clock, log: silentLog });
    world.createServices({ services: 10, tasks: 10, constraints: true });
    await settle(clock, world, 100);
    expect(counts(world)).toEqual(Array.from({ length: 30 }, (_, at) => (at % 3 === 0 ? 10 : 0)));
  });

  it("goes on after a change: a task that failed is replaced", async () => {
    const clock = new ManualClock();
    await using world = new ScheduleWorld(3, { clock, log: silentLog });
    const [service] = world.createServices({ services: 1, tasks: 3, constraints: false });
    await settle(clock, world, 3);
    world.reportRunning();
    const [task] = service === undefined ? [] : world.store.view.tasksOfService(service);
    if (task?.nodeId !== undefined) world.report(task.nodeId, [task], "failed");
    await settle(clock, world, 4);
    expect(world.assigned).toBe(4);
  });
});
