import { newUnlockKey, type UnlockKey } from "@murmur/identity";
import { UNLOCK_KEY_SEAL_ID } from "@murmur/model";
import type { Host } from "@murmur/sim";
import { describe, expect, it } from "vitest";
import { CheckedWorld } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { create, spec } from "../../packages/sim/src/checks/testing/settled.ts";

const WHOLE_MS = 60_000;
const NOTICED_MS = 5_000;
const { signal } = new AbortController();
const SEEDS = [1, 2, 3];

/** Turns autolock on with this key, gives it another one, or turns it off. Resolves when that is committed. */
async function setKey(scene: CheckedWorld, key: UnlockKey | undefined, through: Host = scene.leader): Promise<void> {
  const { version, spec: before } = through.manager?.view.cluster() ?? expect.fail(`${through.name} is no manager`);
  const { autolock: _before, ...without } = before;
  const changed =
    key === undefined
      ? { spec: without }
      : { spec: { ...without, autolock: true }, unlockKey: await scene.seal(key, UNLOCK_KEY_SEAL_ID, through) };
  await scene.submit({ kind: "updateCluster", version, ...changed }, through);
}

/** The disks of these hosts follow the record, to the last file. */
async function follows(
  { world, hosts: all }: CheckedWorld,
  key: UnlockKey | undefined,
  hosts: readonly Host[] = all,
): Promise<void> {
  const isDone = (host: Host): boolean => {
    const disk = host.member?.identity.disk;
    return key === undefined ? disk === undefined : disk?.whole === true && disk.keys.length === 1;
  };
  // Before that it may look as if all were done: they haven't noticed yet.
  await world.pass(NOTICED_MS);
  await world.until(() => hosts.every(isDone), WHOLE_MS, 100);
  expect(hosts.map((host) => [host.name, host.member?.identity.disk?.whole])).toEqual(
    hosts.map((host) => [host.name, key === undefined ? undefined : true]),
  );
}

const unlock = ({ world }: CheckedWorld, host: Host, key: UnlockKey): Promise<void> =>
  world.during(host.life?.node.control.unlock(key) ?? Promise.reject(new Error("it doesn't run")));

const stateOf = (host: Host): string | undefined => host.life?.node.control.status().state;
const WRONG = "swarm could not be unlocked: invalid key provided";

describe("autolock", () => {
  it.each(SEEDS)("a manager that restarts waits for its key, and its containers run on, seed %i", async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 3);
    const { world } = scene;
    await create(world, scene.leader, spec("web", { kind: "replicated", replicas: 3 }));
    await scene.becomesWhole();
    const key = newUnlockKey();
    await setKey(scene, key, scene.follower());
    await follows(scene, key);

    const first = scene.leader;
    const before = first.engine.containers().filter(({ state }) => state === "running").length;
    await scene.restart(first);
    expect(stateOf(first)).toBe("locked");
    expect(first.engine.containers().filter(({ state }) => state === "running").length).toBe(before);
    await expect(unlock(scene, first, newUnlockKey())).rejects.toThrow(WRONG);
    expect(stateOf(first)).toBe("locked");
    await unlock(scene, first, key);
    expect(stateOf(first)).toBe("active");
    await scene.becomesWhole();

    // All of them at once: nobody but who has noted it knows the key.
    await scene.restartAll();
    expect(world.hosts.map(stateOf)).toEqual(["locked", "locked", "locked"]);
    for (const host of world.hosts) await unlock(scene, host, key);
    await scene.becomesWhole();
  });

  it.each(SEEDS)("the key is replaced while the leader goes and another manager is down, seed %i", async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 3);
    const { world } = scene;
    const [first, second, third] = [newUnlockKey(), newUnlockKey(), newUnlockKey()];
    await setKey(scene, first);
    await follows(scene, first);

    const away = scene.follower();
    away.crash();
    await setKey(scene, second);
    const { leader } = scene;
    leader.crash();
    await world.pass(2_000);
    // It may or may not have followed before: one of the two keys opens it, whichever moment it was.
    await world.during(leader.resume());
    expect(stateOf(leader)).toBe("locked");
    await unlock(scene, leader, second).catch(() => unlock(scene, leader, first));
    // The one that was away opens with what it had.
    await world.during(away.resume());
    expect(stateOf(away)).toBe("locked");
    await expect(unlock(scene, away, second)).rejects.toThrow(WRONG);
    await unlock(scene, away, first);
    await follows(scene, second);
    await scene.restart(away);
    await expect(unlock(scene, away, first)).rejects.toThrow(WRONG);
    await unlock(scene, away, second);

    // Two changes, one on the heels of the other.
    await world.until(() => world.leader !== undefined, WHOLE_MS);
    await scene.becomesWhole();
    await setKey(scene, third);
    await setKey(scene, undefined);
    await follows(scene, undefined);
    for (const host of world.hosts) await scene.restart(host);
    expect(world.hosts.map(stateOf)).toEqual(["active", "active", "active"]);
    await scene.becomesWhole();
  });

  it.each(Array.from({ length: 12 }, (_, at) => at + 1))(
    "whatever moment of a change is the last one, a known key opens the disk, seed %i",
    async (seed) => {
      await using scene = await CheckedWorld.settled(seed, 3);
      const { world } = scene;
      const [first, second] = [newUnlockKey(), newUnlockKey()];
      await setKey(scene, first);
      await follows(scene, first);
      const victim = scene.follower();
      // It ends right before one of its next actions.
      victim.life?.process.dieAfter(seed * 7);
      await setKey(scene, seed % 3 === 0 ? undefined : second);
      await world.until(() => victim.life === undefined, WHOLE_MS);
      await world.during(victim.resume());
      if (stateOf(victim) === "locked") await unlock(scene, victim, second).catch(() => unlock(scene, victim, first));
      expect(stateOf(victim)).toBe("active");
      await follows(scene, seed % 3 === 0 ? undefined : second);
      await scene.becomesWhole();
    },
  );

  it("reaches a new manager; one that is none any more doesn't stay locked", async () => {
    await using scene = await CheckedWorld.settled(5, 3);
    const { world } = scene;
    const key = newUnlockKey();
    await setKey(scene, key);
    await follows(scene, key);
    const fourth = world.addHost();
    await world.during(world.join(fourth));
    expect(fourth.member?.identity.disk).toBeUndefined();
    const gone = scene.follower();
    gone.crash();
    await world.until(() => fourth.manager !== undefined, WHOLE_MS);
    await follows(scene, key, [fourth]);
    await world.during(gone.resume());
    await unlock(scene, gone, key);
    await world.until(() => gone.member?.identity.disk === undefined, WHOLE_MS, 100);
    await scene.restart(gone);
    expect(stateOf(gone)).toBe("active");
    await scene.restart(fourth);
    expect(stateOf(fourth)).toBe("locked");
    await unlock(scene, fourth, key);
    await scene.becomesWhole();
  });

  it("a locked node can be made to leave, and takes its containers with it", async () => {
    await using scene = await CheckedWorld.settled(6, 3);
    const { world } = scene;
    await create(world, scene.leader, spec("web", { kind: "global" }));
    await scene.becomesWhole();
    const key = newUnlockKey();
    await setKey(scene, key);
    await follows(scene, key);
    const host = scene.follower();
    await scene.restart(host);
    const control = host.life?.node.control;
    if (control === undefined) throw new Error("it doesn't run");
    await expect(world.during(control.leave({ force: false }, signal))).rejects.toThrow("Swarm is encrypted");
    await world.during(control.leave({ force: true }, signal));
    expect(control.status()).toEqual({ state: "outside" });
    expect(host.engine.containers()).toEqual([]);
    // Its address is free once it counts as down.
    await world.pass(20_000);
    await world.during(world.join(host));
  });
});
