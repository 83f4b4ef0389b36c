import { namedGossipKey } from "@murmur/identity";
import { GOSSIP_KEY_ROTATION_MS, type Cluster, type GossipKeyRotation } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { backupOf } from "./backup.ts";
import { isWhole } from "./checks.ts";
import { hostOf, seeds, settledWorld } from "./settled-world.ts";
import type { Host } from "./host.ts";
import type { World } from "./world.ts";

const { signal } = new AbortController();

const clusterOf = (world: World): Cluster =>
  world.manager(hostOf(world.leader()))?.view.cluster() ?? expect.fail("it knows no cluster");

async function rotate(world: World): Promise<void> {
  const command = { kind: "rotateGossipKey", next: namedGossipKey(), now: world.clock.now() } as const;
  await world.during(world.manager(hostOf(world.leader()))?.submit(command, signal) ?? expect.fail("nobody leads"));
}

const reaches = (world: World, phase: GossipKeyRotation["phase"] | undefined): Promise<number> =>
  world.until(`the gossip key's rotation is ${phase ?? "over"}`, () => {
    const leader = world.leader();
    const cluster = leader && world.manager(leader)?.view.cluster();
    return cluster !== undefined && cluster.gossipKey?.rotation?.phase === phase;
  });

/** Every node that runs has the cluster's one key. */
function isRotated(world: World): boolean {
  const leader = world.leader();
  const cluster = leader && world.manager(leader)?.view.cluster();
  if (cluster === undefined || cluster.gossipKey?.rotation !== undefined) return false;
  const { gossipKeys } = cluster.secrets;
  return (
    gossipKeys.length === 1 &&
    world.running.every(({ process }) => process?.member.identity.gossipKeys.join() === gossipKeys.join())
  );
}

/** Every node that runs holds every other one alive. */
const isHeard = (world: World): boolean =>
  world.running.every(({ process }) =>
    world.running.every(
      (other) =>
        process?.member.gossip.member(other.process?.member.identity.nodeId ?? expect.fail())?.state === "alive",
    ),
  );

const workers = (world: World): Host[] => world.running.filter((host) => world.manager(host) === undefined);
const managers = (world: World): Host[] => world.running.filter((host) => world.manager(host) !== undefined);

describe.each(seeds(3))("a rotation of the gossip key, seed %i", (seed) => {
  it("loses no packet", async () => {
    await using settled = await settledWorld(seed, { size: 5 });
    const { world } = settled;
    const before = clusterOf(world).secrets.gossipKeys;
    for (let round = 0; round < 2; round += 1) {
      await rotate(world);
      await reaches(world, "install");
      await reaches(world, "use");
      await reaches(world, undefined);
      await world.until("all have one key", () => isRotated(world));
      await world.pass(5_000);
    }
    expect(clusterOf(world).secrets.gossipKeys).not.toEqual(before);
    expect(world.unopened).toBe(0);
    expect(isHeard(world)).toBe(true);
  });

  it("begins by itself, goes on while its leaders go, and is over after a restart of all", async () => {
    await using settled = await settledWorld(seed, { size: 5 });
    const { world } = settled;
    const { version, spec, secrets } = clusterOf(world);
    const changed = { ...spec, gossipKeyRotationMs: 60_000 };
    const command = { kind: "updateCluster", version, spec: changed, now: world.clock.now() } as const;
    await world.during(world.manager(hostOf(world.leader()))?.submit(command, signal) ?? expect.fail("nobody leads"));
    expect(GOSSIP_KEY_ROTATION_MS).toBe(12 * 3_600_000);
    for (const phase of ["install", "use"] as const) {
      await world.until(`phase ${phase}`, () => clusterPhase(world) === phase);
      const leader = hostOf(world.leader());
      await world.kill(leader);
      await world.until("another one leads", () => world.leader() !== undefined && world.leader() !== leader);
      await world.during(world.start(leader));
    }
    await reaches(world, undefined);
    await world.until("all have one key", () => isRotated(world));
    expect(clusterOf(world).secrets.gossipKeys).not.toEqual(secrets.gossipKeys);
    const hosts = [...world.running];
    for (const host of hosts) await world.kill(host);
    await world.during(Promise.all(hosts.map((host) => world.start(host))));
    await world.until("whole", () => isWhole(world) && isHeard(world));
  });

  it("doesn't wait for who is away, who comes back by its session", async () => {
    await using settled = await settledWorld(seed, { size: 5 });
    const { world } = settled;
    const [away] = workers(world);
    await world.kill(hostOf(away), "host");
    await world.pass(30_000);
    for (let round = 0; round < 2; round += 1) {
      await rotate(world);
      await reaches(world, "use");
      await reaches(world, undefined);
    }
    await world.during(world.start(hostOf(away)));
    await world.until("it is back", () => isWhole(world) && isRotated(world) && isHeard(world));
    // And one that is let in gets what there is.
    await world.addHost();
    await world.until("the new one is there", () => isRotated(world) && isHeard(world));
  });

  it("is taken back by no backup for good: nodes follow a restored cluster with an older key", async () => {
    await using settled = await settledWorld(seed, { size: 4 });
    const { world } = settled;
    const backup = await backupOf(world, hostOf(world.leader()));
    await rotate(world);
    await reaches(world, "use");
    await reaches(world, undefined);
    await world.until("all have one key", () => isRotated(world));
    const gone = managers(world);
    for (const host of gone) await world.kill(host, "host");
    await world.pass(5_000);
    const restored = await world.restore(backup, { forgetNodes: false });
    await world.until("all follow", () =>
      world.running.every((host) => world.generation(host) === world.generation(restored)),
    );
    await world.until("all have its key", () => isRotated(world) && isHeard(world));
  });
});

function clusterPhase(world: World): string | undefined {
  const leader = world.leader();
  return leader && world.manager(leader)?.view.cluster()?.gossipKey?.rotation?.phase;
}
