import type { Task } from "@murmur/model";
import { expect, it } from "vitest";
import { CheckedWorld, nodeOf } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { change, create, spec } from "../../packages/sim/src/checks/testing/settled.ts";

it("a task goes with its data: away when the node is lost, not back to older data, over changes of the leader", async () => {
  await using scene = await CheckedWorld.settled(3, 4);
  const { world } = scene;
  const base = spec("db", { kind: "replicated", replicas: 1 });
  const mounts = [{ kind: "volume", source: "{{.Service.Name}}-data", target: "/data", readOnly: false }] as const;
  const wanted = { ...base, task: { ...base.task, container: { ...base.task.container, mounts } } };
  const id = await create(world, scene.leader, wanted);
  const runs = async (fits: (task: Task) => boolean): Promise<Task> => {
    const find = (): Task | undefined => scene.up(id).find(fits);
    await world.until(() => find() !== undefined, 60_000, 100);
    return find() ?? expect.fail("no such task runs");
  };
  const first = await runs(() => true);
  const home = scene.one((host) => nodeOf(host) === first.nodeId);
  const homeId = nodeOf(home);
  const volumes = (): readonly string[] | undefined => world.leader?.manager?.view.node(homeId)?.volumes;
  await world.until(() => volumes()?.join() === "db-data", 20_000, 100);

  // The node is lost; the leader, too, while the task is on its way.
  home.crash();
  await world.until(() => world.leader !== undefined && world.leader !== home, 30_000, 100);
  await world.pass(3_000);
  await scene.restart(scene.leader, 700);
  const second = await runs((task) => task.nodeId !== homeId);
  expect(second.leftVolumes).toEqual([{ name: "db-data", nodeId: homeId, hostname: home.name }]);

  // Back with its older data. An update replaces the task where the newer data is.
  await world.during(home.resume());
  await world.pass(40_000);
  await change(world, scene.leader, id, { ...wanted, task: { ...wanted.task, forceUpdate: 1 } });
  const third = await runs((task) => task.id !== second.id);
  expect(third.nodeId).toBe(second.nodeId);
  expect(third.leftVolumes).toBeUndefined();
  await world.pass(10_000);
});
