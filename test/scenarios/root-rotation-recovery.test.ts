import { certificatesIn, rootName } from "@murmur/identity";
import { trustedRoots, type Cluster, type RootRotation } from "@murmur/model";
import { nextRoot } from "@murmur/node";
import { describe, expect, it } from "vitest";
import { TestCfssl } from "../../packages/node/src/testing/test-cfssl.ts";
import { backupOf } from "./backup.ts";
import { isWhole } from "./checks.ts";
import { hostOf, seeds, settledWorld } from "./settled-world.ts";
import type { Host } from "./host.ts";
import type { World } from "./world.ts";

const { signal } = new AbortController();

const managers = (world: World): Host[] => world.running.filter((host) => world.manager(host) !== undefined);
const clusterOf = (world: World, host: Host = hostOf(world.leader())): Cluster =>
  world.manager(host)?.view.cluster() ?? expect.fail("it knows no cluster");

async function rotate(world: World): Promise<void> {
  const cluster = clusterOf(world);
  const now = world.clock.now();
  const next = await nextRoot(cluster, { given: undefined, now });
  const { version, spec } = cluster;
  const command = { kind: "updateCluster", version, spec, nextRoot: next, now } as const;
  await world.during(world.manager(hostOf(world.leader()))?.submit(command, signal) ?? expect.fail("nobody leads"));
}

const reaches = (world: World, phase: RootRotation["phase"] | undefined): Promise<number> =>
  world.until(`the rotation's phase is ${phase ?? "over"}`, () => {
    const leader = world.leader();
    return leader !== undefined && world.manager(leader)?.view.cluster()?.rotation?.phase === phase;
  });

/** Every node that runs trusts the cluster's root alone, and shows a certificate of it. */
function isRotated(world: World): boolean {
  const leader = world.leader();
  const cluster = leader && world.manager(leader)?.view.cluster();
  if (cluster === undefined || cluster.rotation !== undefined) return false;
  const wanted = trustedRoots(cluster).map(rootName).join();
  return world.running.every(({ process }) => {
    const { member } = process ?? {};
    const trusts = certificatesIn(member?.identity.caPem ?? "").map(rootName);
    const { issuer, statement = issuer } = member?.certificate() ?? { issuer: "none" };
    return [issuer, statement, trusts.join()].every((has) => has === wanted);
  });
}

const recover = (world: World, host: Host): Promise<unknown> =>
  world.during(host.process?.member.recovery.recover({ force: true }, signal) ?? expect.fail("it does not run"));

/** All start again from their disks: whoever has kept something that only a dropped root had signed can't. */
async function restartAll(world: World): Promise<void> {
  const hosts = [...world.running];
  for (const host of hosts) await world.kill(host);
  await world.during(Promise.all(hosts.map((host) => world.start(host))));
}

describe.each(seeds(3))("a rotation of the root, seed %i", (seed) => {
  it.each(["trust", "renew"] as const)(
    "is ended by the one survivor of the managers, lost in phase %s",
    async (phase) => {
      await using settled = await settledWorld(seed, { size: 5 });
      const { world } = settled;
      const [survivor, ...lost] = managers(world);
      // Whoever is away by then has not been waited for.
      await rotate(world);
      await reaches(world, phase);
      for (const host of lost) await world.kill(host, "host");
      await world.pass(2_000);
      await recover(world, hostOf(survivor));
      await world.during(Promise.all(lost.map((host) => world.start(host))));
      await world.until("it has ended for all", () => world.running.length === 5 && isRotated(world));
      const late = await world.addHost();
      await world.until("a new one is in this generation", () => world.generation(late) === world.generation(survivor));
      await restartAll(world);
      await world.until("whole", () => isWhole(world) && isRotated(world));
      const later = await world.addHost();
      await world.until("another one, too", () => world.generation(later) === world.generation(survivor));
    },
  );

  it("leaves nothing that only the old root has signed, in a cluster that was recovered before", async () => {
    await using settled = await settledWorld(seed, { size: 4 });
    const { world } = settled;
    const [survivor, ...lost] = managers(world);
    for (const host of lost) await world.kill(host, "host");
    await world.pass(2_000);
    await recover(world, hostOf(survivor));
    await world.during(Promise.all(lost.map((host) => world.start(host))));
    await world.until("whole", () => isWhole(world) && world.voters === 3);
    await rotate(world);
    await reaches(world, "renew");
    await world.addHost();
    await world.until("it has ended for all", () => isRotated(world));
    await restartAll(world);
    await world.until("whole again", () => isWhole(world) && isRotated(world));
    const late = await world.addHost();
    await world.until("a new one follows", () => world.generation(late) === world.generation(survivor));
  });

  it.each(["trust", "renew"] as const)("goes on from a backup that was taken in phase %s", async (phase) => {
    await using settled = await settledWorld(seed, { size: 4 });
    const { world, hosts } = settled;
    await rotate(world);
    await reaches(world, phase);
    const backup = await backupOf(world, hostOf(world.leader()));
    expect(backup.cluster.rotation?.phase).toBe(phase);
    const gone = managers(world);
    for (const host of gone) await world.kill(host, "host");
    await world.pass(5_000);
    const restored = await world.restore(backup, { forgetNodes: false });
    const alive = hosts.filter((host) => !gone.includes(host));
    const generation = world.generation(restored);
    await world.until("all follow", () => alive.every((host) => world.generation(host) === generation));
    await world.during(Promise.all(gone.map((host) => world.start(host))));
    await world.until("it has ended for all", () => world.running.length === 5 && isRotated(world));
    await restartAll(world);
    await world.until("whole", () => isWhole(world) && isRotated(world));
  });

  it("to an external CA's leaves nothing that needs it to be recovered, and what is needed to restore a backup", async () => {
    await using settled = await settledWorld(seed, { size: 4 });
    const { world } = settled;
    const cfssl = await TestCfssl.start(world.clock.now());
    world.callExternalCa = cfssl.call;
    const { member } = hostOf(world.leader()).process ?? expect.fail("it leads");
    const cluster = clusterOf(world);
    const next = await cfssl.nextRoot(cluster, member.signer);
    const spec = { ...cluster.spec, externalCas: [cfssl.externalCa] };
    const { version } = cluster;
    const command = { kind: "updateCluster", version, spec, nextRoot: next, now: world.clock.now() } as const;
    await world.during(world.manager(hostOf(world.leader()))?.submit(command, signal) ?? expect.fail("nobody leads"));
    await world.until("it has ended for all", () => isRotated(world));
    expect(clusterOf(world).secrets.caKeyPem).toBeUndefined();

    cfssl.down = true;
    const [survivor, ...lost] = managers(world);
    for (const host of lost) await world.kill(host, "host");
    await world.pass(2_000);
    await recover(world, hostOf(survivor));
    await world.during(Promise.all(lost.map((host) => world.start(host))));
    await world.until("all follow", () =>
      world.running.every((host) => world.generation(host) === world.generation(survivor)),
    );
    await restartAll(world);
    await world.until("whole", () => isWhole(world) && isRotated(world) && world.voters === 3);
    await expect(world.addHost()).rejects.toThrow(/ECONNREFUSED/);

    const backup = await backupOf(world, hostOf(world.leader()));
    const gone = managers(world);
    for (const host of gone) await world.kill(host, "host");
    await world.pass(5_000);
    cfssl.down = false;
    const restored = await world.restore(backup, { forgetNodes: false });
    const generation = world.generation(restored);
    await world.until("all follow", () => world.running.every((host) => world.generation(host) === generation));
    // All have a statement that the external CA's root vouches for, from their disks too.
    await restartAll(world);
    await world.until("whole again", () => isWhole(world) && isRotated(world));
  });
});
