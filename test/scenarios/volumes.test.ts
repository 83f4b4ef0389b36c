import type { Task } from "@murmur/model";
import type { View } from "@murmur/store";
import { allChecks, World, type Host } from "@murmur/sim";
import { expect, it } from "vitest";
import { change, create, end, settle, spec } from "../../packages/sim/src/checks/testing/settled.ts";

it("a task goes with its data: away when the node is lost, not back to older data, over changes of the leader", async () => {
  await World.warmUp();
  const world = new World({ seed: 3 });
  const checks = allChecks(world);
  world.observers.push(...checks.observers);
  await settle(world, 4);
  const leader = (): Host => {
    if (world.leader === undefined) throw new Error("nobody leads");
    return world.leader;
  };
  const view = (): View | undefined => world.leader?.manager?.view;
  const base = spec("db", { kind: "replicated", replicas: 1 });
  const mounts = [{ kind: "volume", source: "{{.Service.Name}}-data", target: "/data", readOnly: false }] as const;
  const wanted = { ...base, task: { ...base.task, container: { ...base.task.container, mounts } } };
  const id = await create(world, leader(), wanted);
  const runs = async (fits: (task: Task) => boolean): Promise<Task> => {
    const find = (): Task | undefined =>
      view()
        ?.tasksOfService(id)
        .find((task) => task.desiredState === "running" && task.status.state === "running" && fits(task));
    await world.until(() => find() !== undefined, 60_000, 100);
    const task = find();
    if (task === undefined) throw new Error("no such task runs");
    return task;
  };
  const first = await runs(() => true);
  const home = world.hosts.find((host) => host.member?.identity.nodeId === first.nodeId);
  if (home === undefined || first.nodeId === undefined) throw new Error("it has a node");
  const homeId = first.nodeId;
  await world.until(() => view()?.node(homeId)?.volumes?.join() === "db-data", 20_000, 100);

  // The node is lost; the leader, too, while the task is on its way.
  home.crash();
  await world.until(() => world.leader !== undefined && world.leader !== home, 30_000, 100);
  await world.pass(3_000);
  const loser = leader();
  loser.crash();
  await world.pass(700);
  await world.during(loser.resume());
  const second = await runs((task) => task.nodeId !== homeId);
  expect(second.leftVolumes).toEqual([{ name: "db-data", nodeId: homeId, hostname: home.name }]);

  // Back with its older data. An update replaces the task where the newer data is.
  await world.during(home.resume());
  await world.pass(40_000);
  await change(world, leader(), id, { ...wanted, task: { ...wanted.task, forceUpdate: 1 } });
  const third = await runs((task) => task.id !== second.id);
  expect(third.nodeId).toBe(second.nodeId);
  expect(third.leftVolumes).toBeUndefined();
  await world.pass(10_000);
  checks.final();
  await end(world);
});
