import type { Task } from "@murmur/model";
import { NodeSet, rebalance } from "@murmur/scheduler";
import { allChecks, World, type Host } from "@murmur/sim";
import { expect, it } from "vitest";
import { create, end, settle, spec } from "../../packages/sim/src/checks/testing/settled.ts";

const isUp = ({ desiredState, status }: Task): boolean => desiredState === "running" && status.state === "running";

function leaderOf(world: World): Host {
  if (world.leader === undefined) throw new Error("nobody leads");
  return world.leader;
}

it.each([1, 2, 3])(
  "moving tasks to a new node goes on under the next leader, and no task is missed: seed %i",
  async (seed) => {
    await World.warmUp();
    const world = new World({ seed });
    const checks = allChecks(world);
    world.observers.push(...checks.observers);
    await settle(world, 3);
    const wanted = { ...spec("web", { kind: "replicated", replicas: 12 }), onNodeLoss: { kind: "wait" } } as const;
    const id = await create(world, leaderOf(world), wanted);
    const tasks = (): readonly Task[] => world.leader?.manager?.view.tasksOfService(id) ?? [];
    const up = (): readonly Task[] => tasks().filter(isUp);
    const counts = (): readonly number[] => {
      const byNode = new Map((world.leader?.manager?.view.nodes() ?? []).map((node) => [node.id, 0]));
      for (const { nodeId } of up()) if (nodeId !== undefined) byNode.set(nodeId, (byNode.get(nodeId) ?? 0) + 1);
      return [...byNode.values()].toSorted((a, b) => a - b);
    };
    await world.until(() => up().length === 12, 60_000, 100);
    await world.during(world.join(world.addHost()));
    await world.until(() => counts().length === 4, 30_000, 100);
    await world.pass(5_000);
    expect(counts()).toEqual([0, 4, 4, 4]);

    let least = 12;
    let most = 0;
    world.observers.push({
      stepped: () => {
        if (world.leader === undefined) return;
        least = Math.min(least, up().length);
        most = Math.max(most, tasks().filter(({ desiredState }) => desiredState === "running").length);
      },
    });
    const { manager } = leaderOf(world);
    if (manager === undefined) throw new Error("the leader is a manager");
    const now = world.clock.now();
    const moves = rebalance(NodeSet.of(manager.view), [up()], { now, networks: manager.view, movesMax: 32 });
    expect(moves).toHaveLength(3);
    const command = { kind: "moveTasks", tasks: moves.map(({ task }) => task.id), forMs: 60_000, now } as const;
    await world.during(manager.submit(command, new AbortController().signal));
    // The first are on their way, and none of them has arrived.
    await world.until(() => tasks().length > 12, 5_000, 1);
    expect(counts()[0]).toBe(0);
    const first = leaderOf(world);
    first.crash();
    await world.until(() => world.leader !== undefined && world.leader !== first, 30_000, 50);
    await world.during(first.resume());
    await world.until(() => counts()[0] === 3, 60_000, 100);
    await world.pass(10_000);
    expect(counts()).toEqual([3, 3, 3, 3]);
    expect([least, most]).toEqual([12, 14]);
    expect(tasks().filter(({ desiredState }) => desiredState === "running")).toHaveLength(12);
    checks.final();
    await end(world);
  },
);

it.each([1, 2, 3])(
  "the policy of rebalancing goes on under the next leader, and what is even stays as it is: seed %i",
  async (seed) => {
    await World.warmUp();
    const world = new World({ seed });
    const checks = allChecks(world);
    world.observers.push(...checks.observers);
    await settle(world, 3);
    const wanted = { ...spec("web", { kind: "replicated", replicas: 12 }), onNodeLoss: { kind: "wait" } } as const;
    const id = await create(world, leaderOf(world), wanted);
    const tasks = (): readonly Task[] => world.leader?.manager?.view.tasksOfService(id) ?? [];
    const up = (): readonly Task[] => tasks().filter(isUp);
    const counts = (): readonly number[] => {
      const nodes = world.leader?.manager?.view.nodes() ?? [];
      return nodes.map((node) => up().filter(({ nodeId }) => nodeId === node.id).length).toSorted((a, b) => a - b);
    };
    await world.until(() => up().length === 12, 60_000, 100);
    await world.during(world.join(world.addHost()));
    await world.until(() => counts().length === 4, 30_000, 100);

    let least = 12;
    let most = 0;
    world.observers.push({
      stepped: () => {
        if (world.leader === undefined) return;
        least = Math.min(least, up().length);
        most = Math.max(most, tasks().filter(({ desiredState }) => desiredState === "running").length);
      },
    });
    const { manager } = leaderOf(world);
    const cluster = manager?.view.cluster();
    if (manager === undefined || cluster === undefined) throw new Error("the leader is a manager");
    const rebalance = { movesAtOnce: 2, calmMs: 5_000, restMs: 10_000 };
    const change = { version: cluster.version, spec: { ...cluster.spec, rebalance }, now: world.clock.now() };
    await world.during(manager.submit({ kind: "updateCluster", ...change }, new AbortController().signal));
    // The first are on their way, and none of them has arrived.
    await world.until(() => tasks().length > 12, 60_000, 1);
    expect(counts()[0]).toBe(0);
    const first = leaderOf(world);
    first.crash();
    await world.until(() => world.leader !== undefined && world.leader !== first, 30_000, 50);
    await world.during(first.resume());
    await world.until(() => counts()[0] === 3, 120_000, 100);
    expect(counts()).toEqual([3, 3, 3, 3]);
    expect([least, most]).toEqual([12, 14]);
    await world.until(
      () => tasks().filter(({ desiredState }) => desiredState === "running").length === 12,
      30_000,
      100,
    );
    const settled = up().map((task) => task.id);
    await world.pass(60_000);
    expect(up().map((task) => task.id)).toEqual(settled);
    checks.final();
    await end(world);
  },
);
