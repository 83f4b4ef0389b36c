import { caDigest, formatToken } from "@murmur/identity";
import { nextRoot } from "@murmur/node";
import { DEFAULT_CLUSTER_SPEC, type Cluster, type NextRoot, type RootRotation } from "@murmur/model";
import { allChecks, unmet, World, type Host } from "@murmur/sim";
import { describe, expect, it } from "vitest";
import { TestCfssl } from "../../packages/node/src/testing/test-cfssl.ts";
import { create, end, settle, spec } from "../../packages/sim/src/checks/testing/settled.ts";
import { rotateRoot } from "../../packages/sim/src/faults/rotation-faults.ts";

const WHOLE_MS = 60_000;
const { signal } = new AbortController();
const SEEDS = [1, 2, 3];

/** A world with all its promises checked, outside of which there is an authority. */
class OutsideWorld {
  readonly world: World;
  readonly cfssl: TestCfssl;
  readonly #checks: ReturnType<typeof allChecks>;

  private constructor(world: World, cfssl: TestCfssl) {
    this.world = world;
    this.cfssl = cfssl;
    cfssl.now = () => world.clock.now();
    world.callExternalCa = cfssl.call;
    this.#checks = allChecks(world);
    world.observers.push(...this.#checks.observers);
  }

  static async of(seed: number, hosts: number): Promise<OutsideWorld> {
    await World.warmUp();
    const world = new World({ seed });
    const made = new OutsideWorld(world, await TestCfssl.start(world.clock.now()));
    await settle(world, hosts);
    return made;
  }

  get leader(): Host {
    return this.world.leader ?? expect.fail("nobody leads");
  }
  get cluster(): Cluster {
    return this.leader.manager?.view.cluster() ?? expect.fail("the leader knows no cluster");
  }

  /** Goes over to the root of the authority outside. */
  async moveOut(): Promise<void> {
    const { cluster } = this;
    const signer = this.leader.member?.signer ?? expect.fail("it leads");
    const next: NextRoot = await this.world.during(this.cfssl.nextRoot(cluster, signer));
    const { version } = cluster;
    const changed = { ...cluster.spec, externalCas: [this.cfssl.externalCa] };
    const now = this.world.clock.now();
    const command = { kind: "updateCluster", version, spec: changed, nextRoot: next, now } as const;
    const manager = this.leader.manager ?? expect.fail("it leads");
    await this.world.during(manager.submit(command, signal));
  }

  async reaches(phase: RootRotation["phase"] | undefined): Promise<void> {
    const isThere = (): boolean => this.world.leader !== undefined && this.cluster.rotation?.phase === phase;
    expect(await this.world.until(isThere, WHOLE_MS)).toBeDefined();
  }

  async joins(host: Host): Promise<void> {
    const { caPem, secrets } = this.cluster;
    const token = formatToken({ caDigest: caDigest(caPem), secret: secrets.joinSecret });
    const life = host.life ?? (await host.boot());
    const addresses = this.world.running.filter((other) => other !== host).map(({ address }) => address);
    const request = { token, addresses, advertiseAddr: host.address, availability: "active", labels: {} } as const;
    await this.world.during(life.node.control.join(request, signal));
  }

  async becomesWhole(): Promise<void> {
    const undone = (): string[] => unmet(this.world, { services: new Map(), hosts: this.world.running });
    await this.world.until(() => this.world.leader !== undefined && undone().length === 0, WHOLE_MS, 100);
    expect(undone()).toEqual([]);
  }

  async end(): Promise<void> {
    await this.becomesWhole();
    this.#checks.final();
    await end(this.world);
  }
}

describe("an external CA", () => {
  it.each(SEEDS)("takes the root over, while leaders go, and gives it back, seed %i", async (seed) => {
    const outside = await OutsideWorld.of(seed, 5);
    const { world, cfssl } = outside;
    await create(world, outside.leader, spec("web", { kind: "replicated", replicas: 5 }));
    await outside.becomesWhole();
    await outside.moveOut();
    for (const phase of ["trust", "renew"] as const) {
      await outside.reaches(phase);
      const { leader } = outside;
      leader.crash();
      await world.until(() => world.leader !== undefined && world.leader !== leader, WHOLE_MS);
      await world.during(leader.resume());
    }
    await outside.reaches(undefined);
    await outside.becomesWhole();
    expect(outside.cluster.caPem.trim()).toBe(cfssl.ca.certificatePem.trim());
    expect(outside.cluster.secrets.caKeyPem).toBeUndefined();

    const asked = cfssl.asked.length;
    await outside.joins(world.addHost());
    expect(cfssl.asked.length).toBeGreaterThan(asked);
    cfssl.refuses = "not today";
    const late = world.addHost();
    await expect(outside.joins(late)).rejects.toThrow(/ca\.test.*it refuses: not today/);

    // Away from it without it: no certificate of it is needed for that.
    await world.during(rotateRoot(outside.leader, world.clock.now()));
    await outside.reaches(undefined);
    expect(outside.cluster.secrets).toMatchObject({ caKeyPem: expect.stringContaining("PRIVATE KEY") });
    expect(outside.cluster.secrets.statement).toBeUndefined();
    await outside.joins(late);
    await outside.end();
  });

  it.each(SEEDS)("that is away holds a rotation up until it is back, and no longer, seed %i", async (seed) => {
    const outside = await OutsideWorld.of(seed, 4);
    const { world, cfssl } = outside;
    await outside.moveOut();
    cfssl.down = true;
    await outside.reaches("renew");
    await world.pass(20_000);
    expect(outside.cluster.rotation?.phase).toBe("renew");
    cfssl.down = false;
    await world.pass(60_000);
    await outside.reaches(undefined);
    await outside.end();
  });

  it("is the only one with the root's key from the beginning, where a cluster starts so", async () => {
    await World.warmUp();
    const world = new World({ seed: 1 });
    const cfssl = await TestCfssl.start(world.clock.now());
    cfssl.now = () => world.clock.now();
    world.callExternalCa = cfssl.call;
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
