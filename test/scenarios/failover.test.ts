import { describe, expect, it } from "vitest";
import { containersOn, containerStarts, isWhole, runningTasks } from "./checks.ts";
import { webSpec } from "./services.ts";
import { hostOf, seeds, settledWorld } from "./settled-world.ts";

const next = webSpec("next", 1, { publishedPort: 81 });

describe.each(seeds(6))("failover, seed %i", (seed) => {
  it("accepts the next write a second after the leader's host was cut off, and runs its tasks elsewhere", async () => {
    await using settled = await settledWorld(seed);
    const { world, leader, others } = settled;
    await world.pass((seed * 137) % 500);
    const start = world.clock.monotonic();
    world.isolate(leader);
    await world.createService(hostOf(others[seed % 2]), next);
    expect(world.clock.monotonic() - start).toBeLessThan(1_500);
    await world.until("the others run all", () => containersOn(others) === 7, 4_000);
    world.rejoin(leader);
    await world.until("whole again", () => isWhole(world), 30_000);
  });

  it("accepts the next write at once when the leader's process was killed", async () => {
    await using settled = await settledWorld(seed);
    const { world, leader, others } = settled;
    const start = world.clock.monotonic();
    await world.kill(leader);
    await world.createService(hostOf(others[seed % 2]), next);
    expect(world.clock.monotonic() - start).toBeLessThan(600);
    await world.during(world.start(leader));
    await world.until("whole again", () => isWhole(world), 30_000);
  });

  it("hands over without a pause when the leader is stopped in good order", async () => {
    await using settled = await settledWorld(seed);
    const { world, leader, others } = settled;
    const write = world.stop(leader);
    await write;
    const start = world.clock.monotonic();
    await world.createService(hostOf(others[seed % 2]), next);
    expect(world.clock.monotonic() - start).toBeLessThan(100);
  });

  it("replaces the tasks of a worker that was cut off, and stops the old ones when it is back", async () => {
    await using settled = await settledWorld(seed);
    const { world, hosts, others } = settled;
    const lost = hostOf(others[seed % 2]);
    const rest = hosts.filter((host) => host !== lost);
    world.isolate(lost);
    await world.until("the others run all six", () => containersOn(rest) === 6, 4_000);
    expect(containersOn([lost])).toBe(2);
    world.rejoin(lost);
    await world.until("whole again", () => isWhole(world), 30_000);
  });

  it("goes on from its disks when all processes are killed, five times in a row, and adopts the containers", async () => {
    await using settled = await settledWorld(seed);
    const { world, hosts, leader } = settled;
    const before = containerStarts(hosts);
    for (let round = 0; round < 5; round += 1) {
      for (const host of hosts) await world.kill(host);
      for (const host of hosts) {
        await world.during(world.start(host));
        await world.pass(round * 400);
      }
      await world.until("whole again", () => isWhole(world), 15_000);
    }
    await world.pass(12_000);
    expect(containerStarts(hosts)).toEqual(before);
    await world.createService(leader, next);
  });

  it("keeps everything acknowledged while leaders are killed one after the other", async () => {
    await using settled = await settledWorld(seed);
    const { world } = settled;
    for (let round = 0; round < 4; round += 1) {
      const leader = hostOf(world.leader());
      await world.kill(leader);
      await world.createService(hostOf(world.running[0]), webSpec(`round${String(round)}`, 1));
      await world.during(world.start(leader));
      await world.until("a leader", () => world.leader() !== undefined);
    }
    await world.until("whole", () => isWhole(world), 30_000);
  });

  it("moves nothing and calls nobody dead while a process is held up for a second, again and again", async () => {
    await using settled = await settledWorld(seed);
    const { world, hosts, service } = settled;
    const before = runningTasks(world, hostOf(world.leader()), service).map((task) => task.id);
    for (let round = 0; round < 5; round += 1) {
      world.isolate(hostOf(hosts[2]));
      await world.pass(1_000);
      world.rejoin(hostOf(hosts[2]));
      await world.pass(1_000);
    }
    await world.until("whole", () => isWhole(world), 10_000);
    expect(runningTasks(world, hostOf(world.leader()), service).map((task) => task.id)).toEqual(before);
  });
});
