import type { RecoveryPlan } from "@murmur/api";
import { codeOf } from "@murmur/base";
import type { ClusterNode } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { backupOf } from "./backup.ts";
import { containersOn, containerStarts, isWhole } from "./checks.ts";
import { webSpec } from "./services.ts";
import { hostOf, seeds, settledWorld } from "./settled-world.ts";
import type { Host } from "./host.ts";
import type { World } from "./world.ts";

const { signal } = new AbortController();

const plan = (world: World, host: Host): Promise<RecoveryPlan> =>
  world.during(hostOf(host).process?.member.recovery.plan(signal) ?? Promise.reject(new Error("it does not run")));
const recover = (world: World, host: Host, force = false): Promise<RecoveryPlan> =>
  world.during(
    host.process?.member.recovery.recover({ force }, signal) ?? Promise.reject(new Error("it does not run")),
  );

const managers = (world: World): Host[] => world.running.filter((host) => world.manager(host) !== undefined);
const nameOf = (world: World, host: Host, at: number): string | undefined =>
  world.manager(host)?.view.services().at(at)?.spec.name;

/** Whether the keys of secrets are with the managers, and with them alone. */
const onlyManagersHaveKeys = (world: World): boolean =>
  world.running.every((host) => {
    const keys = host.process?.member.identity.sealKeys.length ?? 0;
    return keys > 0 === (world.manager(host) !== undefined);
  });

/** Whether a host's manager leads in a generation before this one. */
const leadsInThePast = (world: World, generation: number): boolean =>
  world.running.some(
    (host) => world.generation(host) < generation && host.process?.member.host.manager()?.status().role === "leader",
  );

describe.each(seeds(4))("a cluster that has lost most of its managers, seed %i", (seed) => {
  it("goes on on the survivor with all that it had, and its containers run on", async () => {
    await using settled = await settledWorld(seed, { size: 5 });
    const { world, hosts } = settled;
    const [survivor, ...lost] = managers(world);
    const alive = hosts.filter((host) => !lost.includes(host));
    for (const host of lost) await world.kill(host, "host");
    await world.pass(3_000);
    const kept = containerStarts(alive);
    const shown = await plan(world, hostOf(survivor));
    expect(shown).toMatchObject({ advised: true, keeps: { nodes: 5, services: 1 } });
    expect(shown.managers.map(({ state }) => state).toSorted()).toEqual(["this node", "unreachable", "unreachable"]);
    expect(shown.mayLose).toHaveLength(1);
    await recover(world, hostOf(survivor));
    await world.until("whole without the lost ones", () => isWhole(world));
    expect(containerStarts(alive)).toEqual(expect.arrayContaining(kept));
    await world.until("managers were chosen", () => world.voters === 3);
    expect(managers(world)).toHaveLength(3);
    await world.createService(hostOf(survivor), webSpec("after", 2));
    await world.until("whole with more", () => isWhole(world));
    // Those of before are managers no more when they come back, and keep nothing of it.
    expect(onlyManagersHaveKeys(world)).toBe(true);
    await world.during(Promise.all(lost.map((host) => world.start(host))));
    await world.until("the old ones are nodes", () => isWhole(world) && world.running.length === 5);
    expect(managers(world)).toHaveLength(3);
    await world.until("they have forgotten the keys", () => onlyManagersHaveKeys(world));
    // It is the cluster now, also for whoever starts again.
    await world.kill(hostOf(survivor));
    await world.until("the others go on", () => isWhole(world) || containersOn([hostOf(survivor)]) > 0);
    await world.during(world.start(hostOf(survivor)));
    await world.until("whole again", () => isWhole(world) && managers(world).length === 3);
  });

  it("takes the old managers in again as nodes, and never lets them lead each other", async () => {
    await using settled = await settledWorld(seed, { size: 4 });
    const { world } = settled;
    const [survivor, ...lost] = managers(world);
    for (const host of lost) await world.kill(host, "host");
    await world.pass(2_000);
    await recover(world, hostOf(survivor));
    await world.until("whole without them", () => isWhole(world));
    const generation = world.generation(survivor);
    expect(generation).toBeGreaterThan(0);
    // Both at the same moment: together they are a majority of the managers of before.
    await world.during(Promise.all(lost.map((host) => world.start(host))));
    await world.until("whole with them", () => {
      expect(leadsInThePast(world, generation)).toBe(false);
      return isWhole(world) && world.running.every((host) => world.generation(host) === generation);
    });
    for (const host of world.running) {
      expect(world.generation(host)).toBe(generation);
      expect(host.disk.generations.filter((other) => other !== generation)).toEqual([]);
    }
    await world.until("three voters", () => world.voters === 3);
    const joined = await world.addHost();
    await world.until("whole with a new one", () => isWhole(world) && world.generation(joined) === generation);
  });

  it("lets old managers ask first, so that they don't lead each other while the news is on its way", async () => {
    await using settled = await settledWorld(seed, { size: 3 });
    const { world } = settled;
    const [survivor, ...lost] = managers(world);
    for (const host of lost) await world.kill(host, "host");
    await world.pass(2_000);
    await recover(world, hostOf(survivor));
    await world.until("it leads", () => world.leader() === survivor);
    // The two are next to each other, and far from the one that knows better.
    for (const { address } of lost) {
      world.network.setBetween(address, hostOf(survivor).address, { latencyMs: [190, 200] });
      world.network.setBetween(hostOf(survivor).address, address, { latencyMs: [190, 200] });
    }
    const generation = world.generation(survivor);
    await world.during(Promise.all(lost.map((host) => world.start(host))));
    await world.until("whole with them", () => {
      expect(leadsInThePast(world, generation)).toBe(false);
      return isWhole(world) && world.running.every((host) => world.generation(host) === generation);
    });
  });

  it("makes a majority step aside that was only cut off, once they meet", async () => {
    await using settled = await settledWorld(seed, { size: 3 });
    const { world, hosts } = settled;
    const survivor = hostOf(settled.others[0]);
    const others = hosts.filter((host) => host !== survivor);
    world.isolate(survivor);
    await world.until("the survivor knows no leader", () => world.manager(survivor)?.status().leader === undefined);
    await world.until("the others have one", () => world.leader(others) !== undefined);
    await recover(world, survivor);
    await world.createService(survivor, webSpec("here", 1));
    const there = await world.createService(hostOf(world.leader(others)), webSpec("there", 1));
    await world.pass(5_000);
    expect(nameOf(world, hostOf(world.leader(others)), 1)).toBe("there");
    world.rejoin(survivor);
    // What was written on the side that gave way is lost: there can be only one truth.
    world.acknowledged.delete(there);
    await world.until("all follow the one", () => {
      const generation = world.generation(survivor);
      return generation > 0 && hosts.every((host) => world.generation(host) === generation) && isWhole(world);
    });
    expect(nameOf(world, survivor, 1)).toBe("here");
  });

  it("takes the keys of secrets from managers that were not asked, and are none any more", async () => {
    await using settled = await settledWorld(seed, { size: 5 });
    const { world, hosts } = settled;
    const [survivor, ...others] = managers(world);
    const alone = hostOf(survivor);
    const workers = hosts.filter((host) => host !== alone && !others.includes(host));
    for (const host of others) world.isolate(host);
    await world.until("the survivor knows no leader", () => world.manager(alone)?.status().leader === undefined);
    await recover(world, alone);
    await world.until("others are managers now", () => workers.every((host) => world.manager(host) !== undefined));
    for (const host of others) world.rejoin(host);
    await world.until("all follow the one", () => {
      const generation = world.generation(alone);
      return hosts.every((host) => world.generation(host) === generation) && isWhole(world);
    });
    await world.until("only the new managers have the keys", () => onlyManagersHaveKeys(world));
    expect(others.filter((host) => world.manager(host) !== undefined)).toEqual([]);
  });

  it("follows the later of two recoveries that did not know of each other", async () => {
    await using settled = await settledWorld(seed, { size: 3 });
    const { world, hosts } = settled;
    const [one, two, three] = hosts.map(hostOf);
    for (const host of hosts) world.isolate(host);
    await world.until("nobody leads", () => hosts.every((host) => world.manager(host)?.status().leader === undefined));
    for (const host of [one, two]) {
      await recover(world, hostOf(host));
      await world.pass(3_000);
    }
    expect(world.generation(two)).toBeGreaterThan(world.generation(one));
    const only = await world.createService(hostOf(one), webSpec("only-there", 1));
    await world.createService(hostOf(two), webSpec("here", 1));
    // Nobody can know that it is lost before the two have met.
    world.acknowledged.delete(only);
    for (const host of hosts) world.rejoin(host);
    await world.until("all follow the later one", () => {
      return [one, three].every((host) => world.generation(host) === world.generation(two)) && isWhole(world);
    });
    expect(nameOf(world, hostOf(two), 1)).toBe("here");
  });

  it("is not recovered while a majority is there", async () => {
    await using settled = await settledWorld(seed);
    const { world, leader, others } = settled;
    const shown = await plan(world, leader);
    expect(shown).toMatchObject({ advised: false });
    const refusal = await recover(world, leader).catch((error: unknown) => error);
    expect(codeOf(refusal)).toBe("failed_precondition");
    await world.kill(leader, "host");
    const asked = hostOf(others[0]);
    const early = await plan(world, asked);
    expect(early.advised).toBe(false);
    expect(early.verdict).toMatch(/a majority of the managers \(2 of 3\)|has a leader/);
    await world.until("it goes on", () => isWhole(world));
    expect(world.generation(asked)).toBe(0);
  });

  it("is as it was after a recovery that could not be stored, or was cut off before", async () => {
    await using settled = await settledWorld(seed);
    const { world } = settled;
    const [survivor, ...lost] = managers(world);
    const host = hostOf(survivor);
    for (const other of lost) await world.kill(other, "host");
    await world.pass(2_000);
    host.state.beforePut = async (name) => {
      if (name === "generation") throw new Error("ENOSPC");
    };
    await expect(recover(world, host)).rejects.toThrow("ENOSPC");
    expect([world.generation(host), host.disk.generations]).toEqual([0, [0]]);
    expect(world.manager(host)?.status().membership.voters).toHaveLength(3);
    // Cut off while the new log is there and the generation isn't.
    host.state.beforePut = (name) => (name === "generation" ? new Promise<void>(() => {}) : Promise.resolve());
    const cutOff = host.process?.member.recovery.recover({ force: false }, signal);
    cutOff?.catch(() => {});
    await world.until("the new log is there", () => host.disk.generations.length === 2);
    await world.pass(500);
    host.process = undefined;
    world.network.kill(host.address, "process");
    host.disk.crash();
    host.state.beforePut = async () => {};
    await world.during(world.start(host));
    expect([world.generation(host), host.disk.generations]).toEqual([0, [0]]);
    await world.during(Promise.all(lost.map((other) => world.start(other))));
    await world.until("whole, as if nothing had been tried", () => isWhole(world));
  });
});

describe.each(seeds(4))("a cluster that is restored from a backup, seed %i", (seed) => {
  it("takes in the nodes that still run, with their containers, and replaces what the others ran", async () => {
    await using settled = await settledWorld(seed, { size: 5 });
    const { world, hosts } = settled;
    const old = managers(world);
    const backup = await backupOf(world, hostOf(old[0]));
    const workers = hosts.filter((host) => !old.includes(host));
    // Two managers are lost for good, the third and the workers run on without a leader.
    const gone = old.slice(1);
    for (const host of gone) await world.kill(host, "host");
    const alive = [hostOf(old[0]), ...workers];
    await world.pass(5_000);
    const kept = containerStarts(alive);
    const restored = await world.restore(backup, { forgetNodes: false });
    const generation = world.generation(restored);
    await world.until("all follow", () => alive.every((host) => world.generation(host) === generation));
    await world.until("whole", () => isWhole(world));
    expect(containerStarts(alive)).toEqual(expect.arrayContaining(kept));
    expect(leadsInThePast(world, generation)).toBe(false);
    await world.until("managers were chosen", () => world.voters === 3);
    // The lost ones turn up after all.
    await world.during(Promise.all(gone.map((host) => world.start(host))));
    await world.until("whole with everybody", () => isWhole(world) && world.generation(gone[0]) === generation);
    const view = world.manager(world.leader())?.view;
    expect(view?.nodes()).toHaveLength(6);
    await world.until("all are up", () => view?.nodes().every(({ status }) => status.state === "ready") === true);
  });

  it("sends away a node that it does not know: one that joined after the backup was taken", async () => {
    await using settled = await settledWorld(seed, { size: 3 });
    const { world, hosts } = settled;
    const old = [...hosts];
    const backup = await backupOf(world, settled.leader);
    const late = await world.addHost();
    const nodes = (): readonly ClusterNode[] => world.manager(settled.leader)?.view.nodes() ?? [];
    await world.until("it takes tasks", () => nodes().every(({ status }) => status.engine.state === "ready"));
    await world.updateService(settled.leader, settled.service, webSpec("web", 12, { publishedPort: 80 }));
    await world.until("the new one works, too", () => isWhole(world) && containersOn([late]) > 0);
    for (const host of old) await world.kill(host, "host");
    const restored = await world.restore(backup, { forgetNodes: false });
    world.acknowledged.set(settled.service, 6);
    // It is at no address that the backup has; an old node that comes back knows it.
    await world.during(world.start(hostOf(old[0])));
    await world.until("it was sent away", () => late.process === undefined, 120_000);
    expect(containersOn([late])).toBe(0);
    await world.until("whole", () => isWhole(world));
    expect(world.manager(restored)?.view.nodes()).toHaveLength(4);
  });

  it("begins with this node alone if the others are to be forgotten", async () => {
    await using settled = await settledWorld(seed, { size: 3 });
    const { world, hosts, leader } = settled;
    const backup = await backupOf(world, leader);
    for (const host of hosts) await world.kill(host, "host");
    const restored = await world.restore(backup, { forgetNodes: true });
    expect(world.manager(restored)?.view.nodes()).toHaveLength(1);
    await world.until("it runs all", () => isWhole(world));
    expect(containersOn([restored])).toBe(6);
  });

  it("goes on from its own disk like any other", async () => {
    await using settled = await settledWorld(seed, { size: 1, spec: webSpec("web", 2) });
    const { world, leader } = settled;
    const backup = await backupOf(world, leader);
    await world.kill(leader, "host");
    const restored = await world.restore(backup, { forgetNodes: false });
    await world.until("it runs all", () => isWhole(world));
    const version = world.manager(restored)?.view.version ?? 0;
    expect(version).toBeGreaterThan(backup.state.index + 1_000);
    await world.kill(restored);
    await world.during(world.start(restored));
    await world.until("it runs all again", () => isWhole(world));
  });
});
