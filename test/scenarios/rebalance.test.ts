import type { Task } from "@murmur/model";
import { NodeSet, rebalance } from "@murmur/scheduler";
import { expect, it } from "vitest";
import { CheckedWorld } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { create, spec } from "../../packages/sim/src/checks/testing/settled.ts";

it.each([1, 2, 3])(
  "moving tasks to a new node goes on under the next leader, and no task is missed: seed %i",
  async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 3);
    const { world } = scene;
    const wanted = { ...spec("web", { kind: "replicated", replicas: 12 }), onNodeLoss: { kind: "wait" } } as const;
    const id = await create(world, scene.leader, wanted);
    const tasks = (): readonly Task[] => scene.tasks(id);
    const up = (): readonly Task[] => scene.up(id);
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
    const view = scene.leader.manager?.view ?? expect.fail("the leader is a manager");
    const moves = rebalance(NodeSet.of(view), [up()], { now: world.clock.now(), networks: view, movesMax: 32 });
    expect(moves).toHaveLength(3);
    await scene.submit({ kind: "moveTasks", tasks: moves.map(({ task }) => task.id), forMs: 60_000 });
    // The first are on their way, and none of them has arrived.
    await world.until(() => tasks().length > 12, 5_000, 1);
    expect(counts()[0]).toBe(0);
    await scene.changeLeader();
    await world.until(() => counts()[0] === 3, 60_000, 100);
    await world.pass(10_000);
    expect(counts()).toEqual([3, 3, 3, 3]);
    expect([least, most]).toEqual([12, 14]);
    expect(tasks().filter(({ desiredState }) => desiredState === "running")).toHaveLength(12);
  },
);

it.each([1, 2, 3])(
  "the policy of rebalancing goes on under the next leader, and what is even stays as it is: seed %i",
  async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 3);
    const { world } = scene;
    const wanted = { ...spec("web", { kind: "replicated", replicas: 12 }), onNodeLoss: { kind: "wait" } } as const;
    const id = await create(world, scene.leader, wanted);
    const tasks = (): readonly Task[] => scene.tasks(id);
    const up = (): readonly Task[] => scene.up(id);
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
    const { version, spec: before } = scene.cluster;
    const rebalance = { movesAtOnce: 2, calmMs: 5_000, restMs: 10_000 };
    await scene.submit({ kind: "updateCluster", version, spec: { ...before, rebalance } });
    // The first are on their way, and none of them has arrived.
    await world.until(() => tasks().length > 12, 60_000, 1);
    expect(counts()[0]).toBe(0);
    await scene.changeLeader();
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
  },
);
