import { secretId, sealedOtherwise, type Cluster } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { backupOf } from "./backup.ts";
import { hostOf, seeds, settledWorld } from "./settled-world.ts";
import type { Host } from "./host.ts";
import type { World } from "./world.ts";

const { signal } = new AbortController();
const SECRETS = 60;

const managers = (world: World): Host[] => world.running.filter((host) => world.manager(host) !== undefined);
const adapterOf = (host: Host | undefined) => hostOf(host).process?.member.cluster() ?? expect.fail("it is no manager");
const keysOf = (host: Host): readonly string[] => host.process?.member.identity.sealKeys ?? [];

function clusterOf(world: World): Cluster | undefined {
  const leader = world.leader();
  return leader && world.manager(leader)?.view.cluster();
}

async function secrets(world: World, count: number): Promise<void> {
  const adapter = adapterOf(world.leader());
  for (let number = 0; number < count; number += 1) {
    const id = secretId(world.newId());
    const name = `secret-${String(number)}`;
    const sealed = await world.during(adapter.seal(Buffer.from(name), id));
    const command = { kind: "createSecret", id, spec: { name, labels: {} }, sealed, now: world.clock.now() } as const;
    await world.during(adapter.submit(command, { signal }));
  }
}

async function rotate(world: World, through = hostOf(world.leader())): Promise<void> {
  const next = await world.during(adapterOf(through).newSealKey());
  await world.during(adapterOf(through).submit({ kind: "rotateSealKey", next, now: world.clock.now() }, { signal }));
}

const reaches = (world: World, phase: "hold" | "seal" | undefined): Promise<number> =>
  world.until(`the rotation of the key of secrets is ${phase ?? "over"}`, () => {
    const { sealKey } = clusterOf(world) ?? {};
    return sealKey !== undefined && sealKey.phase === phase;
  });

/** The leader opens all secrets, and all are sealed with the key that the record names. */
function isSealed(world: World, count = SECRETS): boolean {
  const leader = world.leader();
  const view = leader && world.manager(leader)?.view;
  const { sealKey } = view?.cluster() ?? {};
  if (leader === undefined || view === undefined || sealKey === undefined || sealKey.phase !== undefined) return false;
  const adapter = adapterOf(leader);
  const all = view.secrets();
  return (
    all.length === count &&
    sealedOtherwise(view, sealKey).length === 0 &&
    all.every((secret) => adapter.isSealed(secret, Buffer.from(secret.spec.name)))
  );
}

describe.each(seeds(3))("the key of secrets, seed %i", (seed) => {
  it.each(["hold", "seal"] as const)("goes on being replaced by the one survivor, lost in phase %s", async (phase) => {
    await using settled = await settledWorld(seed, { size: 4 });
    const { world } = settled;
    await secrets(world, SECRETS);
    const leader = hostOf(world.leader());
    await rotate(world, leader);
    await reaches(world, phase);
    for (const host of managers(world)) if (host !== leader) await world.kill(host, "host");
    await world.pass(2_000);
    await world.during(leader.process?.member.recovery.recover({ force: true }, signal) ?? expect.fail("it runs"));
    await reaches(world, undefined);
    await world.until("all is sealed with it", () => isSealed(world));
  });

  it("may be replaced again where the manager that had made the next one is lost", async () => {
    await using settled = await settledWorld(seed, { size: 4 });
    const { world } = settled;
    await secrets(world, SECRETS);
    const [survivor, ...lost] = managers(world);
    const maker = hostOf(lost[0]);
    const gone = lost.map((host) => host.process?.member.identity.nodeId ?? expect.fail("it runs"));
    await world.kill(hostOf(lost[1]), "host");
    await rotate(world, maker);
    await world.pass(100);
    await world.kill(maker, "host");
    await world.pass(2_000);
    await world.during(hostOf(survivor).process?.member.recovery.recover({ force: true }, signal) ?? expect.fail());
    await world.until("it leads", () => world.leader() === survivor);
    await rotate(world, hostOf(survivor));
    await world.pass(20_000);
    // A manager that is down is waited for, until it is back or removed.
    expect(clusterOf(world)?.sealKey?.phase).toBe("hold");
    for (const id of gone) {
      const removal = { kind: "removeNode", id, force: true, now: world.clock.now() } as const;
      await world.during(adapterOf(survivor).submit(removal, { signal }));
    }
    await reaches(world, undefined);
    await world.until("all is sealed with it", () => isSealed(world));
  });

  it.each(["hold", "seal"] as const)(
    "of a backup from phase %s is gone on with, by whichever keys there are",
    async (phase) => {
      await using settled = await settledWorld(seed, { size: 3 });
      const { world, hosts } = settled;
      await secrets(world, SECRETS);
      const before = keysOf(hostOf(world.leader()));
      await rotate(world);
      await reaches(world, phase);
      const backup = await backupOf(world, hostOf(world.leader()));
      expect(backup.cluster.sealKey?.phase).toBe(phase);
      const both = keysOf(hostOf(world.leader()));
      expect(both).toHaveLength(2);
      for (const host of hosts) await world.kill(host, "host");
      await world.pass(5_000);
      // In phase `hold` the one of before still opens everything.
      const restored = await world.restore(backup, {
        forgetNodes: true,
        secretsKey: (phase === "hold" ? before : both).join(","),
      });
      await world.until("it leads", () => world.leader() === restored);
      await world.until("all is sealed with one key", () => isSealed(world));
    },
  );

  it("is another one where a backup is restored without it", async () => {
    await using settled = await settledWorld(seed, { size: 3 });
    const { world, hosts } = settled;
    await secrets(world, 2);
    await rotate(world);
    await reaches(world, undefined);
    const backup = await backupOf(world, hostOf(world.leader()));
    for (const host of hosts) await world.kill(host, "host");
    await world.pass(5_000);
    await expect(world.restore(backup, { forgetNodes: true })).rejects.toThrow(/--secrets-key KEY/);
    const restored = await world.restore(backup, { forgetNodes: true, secretsKey: "new" });
    await world.until("it leads", () => world.leader() === restored);
    for (const { id } of world.manager(restored)?.view.secrets() ?? []) {
      const removal = { kind: "removeSecret", id, now: world.clock.now() } as const;
      await world.during(adapterOf(restored).submit(removal, { signal }));
    }
    await secrets(world, 3);
    expect(isSealed(world, 3)).toBe(true);
  });
});
