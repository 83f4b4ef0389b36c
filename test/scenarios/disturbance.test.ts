import { describe, expect, it } from "vitest";
import { containersOn, containerStarts, isWhole, runningTasks } from "./checks.ts";
import { scaled, updated, webSpec } from "./services.ts";
import { hostOf, seeds, settledWorld } from "./settled-world.ts";

describe.each(seeds(4))("disturbances, seed %i", (seed) => {
  it("replaces a task whose container dies, in its slot", async () => {
    await using settled = await settledWorld(seed);
    const { world, leader, hosts, service } = settled;
    const before = runningTasks(world, leader, service).map(({ id }) => id);
    hosts[1]?.engine.containers()[0]?.exit(137);
    await world.until("a new task in its slot", () => {
      return isWhole(world) && runningTasks(world, leader, service).some(({ id }) => !before.includes(id));
    });
    const tasks = world.manager(leader)?.view.tasksOfService(service) ?? [];
    expect(tasks.filter((task) => task.status.state === "failed")).toHaveLength(1);
  });

  it("serves a cluster of five, two of them workers, when a worker and a manager are lost at once", async () => {
    await using settled = await settledWorld(seed, { size: 5 });
    const { world, hosts } = settled;
    expect(hosts.filter((host) => world.manager(host) !== undefined)).toHaveLength(3);
    const worker = hostOf(hosts.find((host) => world.manager(host) === undefined));
    const manager = hostOf(hosts.find((host) => world.manager(host) !== undefined && host !== world.leader()));
    world.isolate(worker);
    await world.kill(manager, "host");
    const rest = hosts.filter((host) => host !== worker && host !== manager);
    await world.until("the others run all", () => containersOn(rest) === 10, 6_000);
    world.rejoin(worker);
    await world.during(world.start(manager));
    await world.until("whole again", () => isWhole(world), 30_000);
  });

  it("waits for an engine that restarts, and runs the tasks elsewhere when it stays away", async () => {
    await using settled = await settledWorld(seed);
    const { world, leader, hosts, service } = settled;
    const before = runningTasks(world, leader, service).map(({ id }) => id);
    const { engine } = hostOf(hosts[1]);
    engine.hang();
    await world.pass(20_000);
    engine.wake();
    await world.until("whole", () => isWhole(world));
    expect(runningTasks(world, leader, service).map(({ id }) => id)).toEqual(before);
    const others = hosts.filter((host) => host !== hosts[1]);
    engine.shutDown();
    await world.until("the others run all", () => containersOn(others) === 6, 60_000);
    engine.boot();
    await world.until("whole", () => isWhole(world));
  });

  it("goes on while the leader's disk stands still for two seconds", async () => {
    await using settled = await settledWorld(seed);
    const { world, leader, others } = settled;
    const term = world.manager(leader)?.status().term;
    const { promise, resolve } = Promise.withResolvers<void>();
    leader.disk.beforeSync = () => promise;
    const start = world.clock.monotonic();
    await world.createService(hostOf(others[0]), webSpec("meanwhile", 2));
    expect(world.clock.monotonic() - start).toBeLessThan(200);
    await world.pass(2_000);
    leader.disk.beforeSync = async () => {};
    resolve();
    await world.until("whole", () => isWhole(world));
    expect(world.manager(leader)?.status()).toMatchObject({ role: "leader", term });
  });

  it("starts a member anew whose disk has failed", async () => {
    await using settled = await settledWorld(seed);
    const { world, leader, others, hosts } = settled;
    const before = containerStarts(hosts);
    leader.disk.beforeSync = () => Promise.reject(new Error("I/O error"));
    await world.pass(50);
    leader.disk.beforeSync = async () => {};
    await world.createService(hostOf(others[0]), webSpec("meanwhile", 0));
    await world.until("whole", () => isWhole(world), 20_000);
    expect(containerStarts(hosts)).toEqual(before);
  });

  it("is whole after a minority was cut off for half a minute", async () => {
    await using settled = await settledWorld(seed, { size: 5 });
    const { world, hosts, leader, service, spec } = settled;
    const minority = [leader, hostOf(hosts.find((host) => world.manager(host) === undefined))];
    const majority = hosts.filter((host) => !minority.includes(host));
    world.isolate(...minority);
    const refused = world.createService(leader, webSpec("nowhere", 1)).catch((error: unknown) => error);
    const other = hostOf(majority.find((host) => world.manager(host) !== undefined));
    expect(String(await refused)).toMatch(/does not have a leader|did not confirm/);
    await world.updateService(other, service, scaled(spec, 12));
    await world.pass(20_000);
    world.rejoin(...minority);
    await world.until("whole again", () => isWhole(world), 60_000);
    expect(world.manager(other)?.view.serviceByName("nowhere")).toBeUndefined();
  });

  it("comes to rest although a fifth of all messages is lost", async () => {
    await using settled = await settledWorld(seed);
    const { world, leader, service, spec } = settled;
    world.network.set({ loss: 0.2 });
    await world.createService(leader, webSpec("lossy", 4));
    for (const replicas of [9, 3, 6]) {
      await world.updateService(hostOf(world.leader()), service, scaled(spec, replicas));
      await world.pass(2_000);
    }
    await world.pass(20_000);
    await world.until("whole", () => isWhole(world), 60_000);
    expect(
      world
        .manager(leader)
        ?.view.nodes()
        .map((node) => node.status.state),
    ).toEqual(["ready", "ready", "ready"]);
  });
});

describe.each(seeds(4))("changes of a service while leaders are killed, seed %i", (seed) => {
  it.each(["stop-first", "start-first"] as const)("goes on with a rolling update, %s", async (order) => {
    const spec = webSpec("web", 6, { publishedPort: 80, order, parallelism: 2 });
    await using settled = await settledWorld(seed, { spec });
    const { world, leader, service } = settled;
    await world.updateService(leader, service, updated(spec, "web:2"));
    await world.pass(1_500 + 500 * seed);
    await world.kill(leader);
    await world.pass(3_000);
    await world.during(world.start(leader));
    const isNew = (host = hostOf(world.leader())): boolean =>
      runningTasks(world, host, service).every((task) => task.spec.container.image === "web:2");
    await world.until("all tasks are new", () => world.leader() !== undefined && isNew() && isWhole(world), 120_000);
  });

  it("scales up and down while leaders are killed", async () => {
    await using settled = await settledWorld(seed);
    const { world, service, spec } = settled;
    for (const replicas of [20, 2, 15]) {
      const leader = hostOf(world.leader());
      await world.updateService(leader, service, scaled(spec, replicas));
      await world.pass(30 * seed);
      await world.kill(leader);
      await world.pass(1_000);
      await world.during(world.start(leader));
      await world.until("a leader", () => world.leader() !== undefined);
    }
    await world.until("whole", () => isWhole(world));
  });
});
