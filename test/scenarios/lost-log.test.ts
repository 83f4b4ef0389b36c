import type { Host, World } from "@murmur/sim";
import { describe, expect, it } from "vitest";
import { CheckedWorld } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { create, spec } from "../../packages/sim/src/checks/testing/settled.ts";

interface Scene {
  readonly world: World;
  readonly leader: Host;
  readonly followers: readonly [Host, Host];
}

/** Three voters and a service; at the end all must be whole, whatever was done. */
async function threeVoters(story: (scene: Scene) => Promise<void>): Promise<void> {
  await using checked = await CheckedWorld.settled(1, 3);
  const { world, leader } = checked;
  const [left, right] = world.hosts.filter((host) => host !== leader);
  if (left === undefined || right === undefined) throw new Error("three hosts, one of which leads");
  const id = await create(world, leader, spec("web", { kind: "replicated", replicas: 3 }));
  const services = new Map([[id, { kind: "running" } as const]]);
  await checked.becomesWhole(services);
  await story({ world, leader, followers: [left, right] });
  await checked.becomesWhole(services);
}

/** All of a host's log is gone, from the first entry on. */
function loseLog(host: Host): void {
  host.crash();
  host.disk.damage(1);
}

/** The whole host is gone, and its containers with it. */
function turnOff(host: Host): void {
  host.crash("host");
  host.engine.shutDown();
}

async function turnOn(world: World, host: Host): Promise<void> {
  host.engine.boot();
  await world.during(host.resume());
}

const manages = (host: Host) => (): boolean => host.member?.host.manager() !== undefined;
const leads = (world: World) => (): boolean => world.leader?.manager !== undefined;

describe("a voter that has lost its whole log", () => {
  it.each([0, 3_000, 60_000])("is woken by the leader at once, after %i ms of absence", async (absenceMs) => {
    await threeVoters(async ({ world, followers: [lost] }) => {
      loseLog(lost);
      await world.pass(absenceMs);
      await world.during(lost.resume());
      expect(await world.until(manages(lost), 1_000)).toBeDefined();
    });
  });

  it("makes a majority with the third one when another crashes, if that has all that it had acknowledged", async () => {
    await threeVoters(async ({ world, leader, followers: [lost] }) => {
      loseLog(lost);
      turnOff(leader);
      await world.during(lost.resume());
      expect(await world.until(leads(world), 5_000)).toBeDefined();
      expect(lost.manager?.status().role).not.toBe("leader");
      await turnOn(world, leader);
    });
  });

  it("waits for the one that crashes, if only that has what it had acknowledged, and no longer", async () => {
    await threeVoters(async ({ world, leader, followers: [lost, behind] }) => {
      for (const { address } of [leader, lost]) world.network.cut(address, behind.address);
      await create(world, leader, spec("other", { kind: "replicated", replicas: 0 }));
      loseLog(lost);
      turnOff(leader);
      for (const { address } of [leader, lost]) world.network.heal(address, behind.address);
      await world.during(lost.resume());
      expect(await world.until(leads(world), 30_000)).toBeUndefined();
      await turnOn(world, leader);
      expect(await world.until(() => leads(world)() && manages(lost)(), 3_000)).toBeDefined();
      expect(await world.until(() => leader.manager?.view.services().length === 2, 3_000)).toBeDefined();
    });
  });

  it("takes part again at once when the leader is there and has lost its majority meanwhile", async () => {
    await threeVoters(async ({ world, followers: [lost, other] }) => {
      loseLog(lost);
      turnOff(other);
      await world.pass(5_000);
      expect(leads(world)()).toBe(false);
      await world.during(lost.resume());
      expect(await world.until(() => leads(world)() && manages(lost)(), 5_000)).toBeDefined();
      await turnOn(world, other);
      expect(await world.until(() => leads(world)() && manages(lost)(), 3_000)).toBeDefined();
    });
  });
});
