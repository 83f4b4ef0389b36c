import { nextRoot } from "@murmur/node";
import { DEFAULT_CLUSTER_SPEC, type RootRotation } from "@murmur/model";
import { World } from "@murmur/sim";
import { describe, expect, it } from "vitest";
import { TestCfssl } from "../../packages/node/src/testing/test-cfssl.ts";
import { CheckedWorld } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { create, end, spec } from "../../packages/sim/src/checks/testing/settled.ts";
import { rotateRoot } from "../../packages/sim/src/faults/rotation-faults.ts";

const WHOLE_MS = 60_000;
const { signal } = new AbortController();
const SEEDS = [1, 2, 3];

/** An authority outside of the world, that its nodes reach. */
async function outsideOf(world: World): Promise<TestCfssl> {
  const cfssl = await TestCfssl.start(world.clock.now());
  cfssl.now = () => world.clock.now();
  world.callExternalCa = cfssl.call;
  return cfssl;
}

/** Goes over to the root of the authority outside. */
async function moveOut(scene: CheckedWorld, cfssl: TestCfssl): Promise<void> {
  const { cluster, leader } = scene;
  const signer = leader.member?.signer ?? expect.fail("it leads");
  const next = await scene.world.during(cfssl.nextRoot(cluster, signer));
  const changed = { ...cluster.spec, externalCas: [cfssl.externalCa] };
  await scene.submit({ kind: "updateCluster", version: cluster.version, spec: changed, nextRoot: next });
}

async function reaches(scene: CheckedWorld, phase: RootRotation["phase"] | undefined): Promise<void> {
  const isThere = (): boolean => scene.world.leader !== undefined && scene.cluster.rotation?.phase === phase;
  expect(await scene.world.until(isThere, WHOLE_MS)).toBeDefined();
}

describe("an external CA", () => {
  it.each(SEEDS)("takes the root over, while leaders go, and gives it back, seed %i", async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 5);
    const { world } = scene;
    const cfssl = await outsideOf(world);
    await create(world, scene.leader, spec("web", { kind: "replicated", replicas: 5 }));
    await scene.becomesWhole();
    await moveOut(scene, cfssl);
    for (const phase of ["trust", "renew"] as const) {
      await reaches(scene, phase);
      await scene.changeLeader();
    }
    await reaches(scene, undefined);
    await scene.becomesWhole();
    expect(scene.cluster.caPem.trim()).toBe(cfssl.ca.certificatePem.trim());
    expect(scene.cluster.secrets.caKeyPem).toBeUndefined();

    const asked = cfssl.asked.length;
    await scene.joins(world.addHost());
    expect(cfssl.asked.length).toBeGreaterThan(asked);
    cfssl.refuses = "not today";
    const late = world.addHost();
    await expect(scene.joins(late)).rejects.toThrow(/ca\.test.*it refuses: not today/);

    // Away from it without it: no certificate of it is needed for that.
    await world.during(rotateRoot(scene.leader, world.clock.now()));
    await reaches(scene, undefined);
    expect(scene.cluster.secrets).toMatchObject({ caKeyPem: expect.stringContaining("PRIVATE KEY") });
    expect(scene.cluster.secrets.statement).toBeUndefined();
    await scene.joins(late);
    await scene.becomesWhole();
  });

  it.each(SEEDS)("that is away holds a rotation up until it is back, and no longer, seed %i", async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 4);
    const { world } = scene;
    const cfssl = await outsideOf(world);
    await moveOut(scene, cfssl);
    cfssl.down = true;
    await reaches(scene, "renew");
    await world.pass(20_000);
    expect(scene.cluster.rotation?.phase).toBe("renew");
    cfssl.down = false;
    await world.pass(60_000);
    await reaches(scene, undefined);
    await scene.becomesWhole();
  });

  it("is the only one with the root's key from the beginning, where a cluster starts so", async () => {
    await World.warmUp();
    const world = new World({ seed: 1 });
    const cfssl = await outsideOf(world);
    const host = world.addHost();
    const { caPem: _root, ...nameless } = cfssl.externalCa;
    await expect(world.found(host, { externalCas: [nameless] })).rejects.toThrow(/add cacert=FILE/);
    // Docker's command names it beside a root of the cluster's own, also before it is there.
    cfssl.down = true;
    const spec = { ...DEFAULT_CLUSTER_SPEC, externalCas: [nameless, cfssl.externalCa] };
    const control = host.life?.node.control ?? expect.fail("it runs");
    const asked = { advertiseAddr: host.address, availability: "active", labels: {}, spec } as const;
    await world.during(control.init(asked, signal));
    await world.until(() => world.leader !== undefined, WHOLE_MS);
    expect(world.leader?.manager?.view.cluster()?.secrets.caKeyPem).toBeDefined();
    await world.during(control.leave({ force: true }, signal));
    cfssl.down = false;
    await world.found(host, { externalCas: [cfssl.externalCa] });
    await world.until(() => world.leader !== undefined, WHOLE_MS);
    await world.during(world.join(world.addHost()));
    const cluster = world.leader?.manager?.view.cluster() ?? expect.fail("it leads");
    expect(cluster.secrets.caKeyPem).toBeUndefined();
    for (const { member } of world.hosts) expect(member?.identity.caPem.trim()).toBe(cfssl.ca.certificatePem.trim());
    // What it is given up for is a root that somebody has the key of.
    const given = { certificatePem: cfssl.ca.certificatePem, keyPem: "none" };
    await expect(nextRoot(cluster, { given, now: world.clock.now() })).rejects.toThrow(/key can't be read/);
    await end(world);
  });
});
