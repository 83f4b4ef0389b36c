import { newUnlockKey } from "@murmur/identity";
import { UNLOCK_KEY_SEAL_ID, type RootRotation } from "@murmur/model";
import type { Host } from "@murmur/sim";
import { describe, expect, it } from "vitest";
import { CheckedWorld, nodeOf } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { create, spec } from "../../packages/sim/src/checks/testing/settled.ts";
import { rotateRoot } from "../../packages/sim/src/faults/rotation-faults.ts";

const ROTATED_MS = 20_000;
const SEEDS = [1, 2, 3];

const rotate = ({ world, leader }: CheckedWorld, through: Host = leader): Promise<void> =>
  world.during(rotateRoot(through, world.clock.now()));

async function reaches(scene: CheckedWorld, phase: RootRotation["phase"] | undefined): Promise<void> {
  const isThere = (): boolean => scene.world.leader !== undefined && scene.cluster.rotation?.phase === phase;
  expect(await scene.world.until(isThere, ROTATED_MS)).toBeDefined();
}

describe("a rotation of the root", () => {
  it.each(SEEDS)("ends with another root, and tokens of it, and cuts nobody off, seed %i", async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 5);
    const { world } = scene;
    await create(world, scene.leader, spec("web", { kind: "replicated", replicas: 5 }));
    await scene.becomesWhole();
    const [before, token] = [scene.cluster.caPem, scene.token];
    const running = world.hosts.flatMap(({ engine }) => engine.containers().map(({ name }) => name)).toSorted();

    await rotate(scene, scene.follower());
    // Until it has ended the token is what it was.
    await reaches(scene, "renew");
    expect(scene.token).toBe(token);
    await scene.joins(world.addHost(), token);
    await reaches(scene, undefined);
    expect(scene.cluster.caPem).not.toBe(before);
    await scene.becomesWhole();
    for (const { member } of world.hosts) expect(member?.identity.caPem.trim()).toBe(scene.cluster.caPem.trim());
    const now = world.hosts.flatMap(({ engine }) => engine.containers().map(({ name }) => name));
    expect(now.filter((name) => running.includes(name)).toSorted()).toEqual(running);

    const late = world.addHost();
    await expect(scene.joins(late, token)).rejects.toThrow(/for another cluster, or from before its root was rotated/);
    await scene.joins(late, scene.token);
    await scene.becomesWhole();
  });

  it.each(SEEDS)("goes on while its leaders go, at every step, seed %i", async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 5);
    const before = scene.cluster.caPem;
    await rotate(scene);
    for (const phase of ["trust", "renew"] as const) {
      await reaches(scene, phase);
      await scene.changeLeader();
    }
    await reaches(scene, undefined);
    expect(scene.cluster.caPem).not.toBe(before);
    await scene.restartAll();
    await scene.becomesWhole();
  });

  it.each(SEEDS)("waits for a node that is away, at whatever step that went, seed %i", async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 5);
    const { world } = scene;
    for (const phase of [undefined, "trust", "renew"] as const) {
      const before = scene.cluster.caPem;
      const away = scene.worker();
      if (phase === undefined) away.crash();
      await rotate(scene);
      if (phase !== undefined) await reaches(scene, phase);
      if (phase !== undefined) away.crash();
      await world.pass(ROTATED_MS);
      // Where it was quick enough to be ready it is waited for no more.
      if (phase === undefined) expect(scene.cluster.rotation?.phase).toBe("trust");
      await world.during(away.resume());
      await reaches(scene, undefined);
      expect(scene.cluster.caPem).not.toBe(before);
      await scene.becomesWhole();
    }
  });

  it.each(SEEDS)("ends without a node that is removed, seed %i", async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 4);
    const { world } = scene;
    const away = scene.worker();
    const id = nodeOf(away);
    away.crash();
    await rotate(scene);
    await world.pass(ROTATED_MS);
    expect(scene.cluster.rotation?.phase).toBe("trust");
    await scene.submit({ kind: "removeNode", id, force: true });
    await reaches(scene, undefined);
    await scene.becomesWhole();
  });

  it.each(SEEDS)("of managers that are locked goes on once they are opened, seed %i", async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 3);
    const { world } = scene;
    const key = newUnlockKey();
    world.unlockKeys.unshift(key);
    const sealed = await scene.seal(key, UNLOCK_KEY_SEAL_ID);
    const { version, spec: before } = scene.cluster;
    const spec = { ...before, autolock: true };
    await scene.submit({ kind: "updateCluster", version, spec, unlockKey: sealed });
    await rotate(scene);
    await reaches(scene, "renew");
    // They are opened with the key when they resume.
    await scene.restartAll();
    await reaches(scene, undefined);
    await scene.becomesWhole();
  });

  it.each(SEEDS)("gives way to another one, at whatever step it is, seed %i", async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 5);
    const { world } = scene;
    const away = scene.worker();
    await rotate(scene);
    await reaches(scene, "renew");
    away.crash();
    await world.pass(1_000);
    await rotate(scene);
    await world.pass(1_000);
    await rotate(scene);
    await world.pass(1_000);
    // It may have had a certificate of the first one already, or not.
    await world.during(away.resume());
    await reaches(scene, undefined);
    await scene.becomesWhole();
  });
});
