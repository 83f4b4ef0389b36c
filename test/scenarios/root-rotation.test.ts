import { caDigest, formatToken, newUnlockKey } from "@murmur/identity";
import { UNLOCK_KEY_SEAL_ID, type RootRotation } from "@murmur/model";
import { allChecks, unmet, World, type Host } from "@murmur/sim";
import { describe, expect, it } from "vitest";
import { create, end, settle, spec } from "../../packages/sim/src/checks/testing/settled.ts";
import { rotateRoot } from "../../packages/sim/src/faults/rotation-faults.ts";

const WHOLE_MS = 60_000;
const ROTATED_MS = 20_000;
const { signal } = new AbortController();
const SEEDS = [1, 2, 3];

/** A world with all its promises checked, whose root is rotated. */
class RotatingWorld {
  readonly world: World;
  readonly #checks: ReturnType<typeof allChecks>;

  private constructor(world: World) {
    this.world = world;
    this.#checks = allChecks(world);
    world.observers.push(...this.#checks.observers);
  }

  static async of(seed: number, hosts: number): Promise<RotatingWorld> {
    await World.warmUp();
    const made = new RotatingWorld(new World({ seed }));
    await settle(made.world, hosts);
    return made;
  }

  get leader(): Host {
    if (this.world.leader === undefined) throw new Error("nobody leads");
    return this.world.leader;
  }

  follower(): Host {
    return this.#one((host) => host !== this.world.leader && host.manager !== undefined);
  }

  worker(): Host {
    return this.#one((host) => host.manager === undefined);
  }

  #one(fits: (host: Host) => boolean): Host {
    const found = this.world.running.find(fits);
    if (found === undefined) throw new Error("there is no such host");
    return found;
  }

  get root(): string {
    return this.leader.manager?.view.cluster()?.caPem ?? expect.fail("the leader knows no cluster");
  }

  get rotation(): RootRotation | undefined {
    return this.leader.manager?.view.cluster()?.rotation;
  }

  get token(): string {
    const { secrets } = this.leader.manager?.view.cluster() ?? expect.fail("the leader knows no cluster");
    return formatToken({ caDigest: caDigest(this.root), secret: secrets.joinSecret });
  }

  rotate(through: Host = this.leader): Promise<void> {
    return this.world.during(rotateRoot(through, this.world.clock.now()));
  }

  async reaches(phase: RootRotation["phase"] | undefined): Promise<void> {
    const isThere = (): boolean => this.world.leader !== undefined && this.rotation?.phase === phase;
    expect(await this.world.until(isThere, ROTATED_MS)).toBeDefined();
  }

  async joins(host: Host, token: string): Promise<void> {
    const life = host.life ?? (await host.boot());
    const addresses = this.world.running.filter((other) => other !== host).map(({ address }) => address);
    const request = { token, addresses, advertiseAddr: host.address, availability: "active", labels: {} } as const;
    await this.world.during(life.node.control.join(request, signal));
  }

  /** All nodes are ready, and have what the cluster wants, its root too. */
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

describe("a rotation of the root", () => {
  it.each(SEEDS)("ends with another root, and tokens of it, and cuts nobody off, seed %i", async (seed) => {
    const rotating = await RotatingWorld.of(seed, 5);
    const { world } = rotating;
    await create(world, rotating.leader, spec("web", { kind: "replicated", replicas: 5 }));
    await rotating.becomesWhole();
    const [before, token] = [rotating.root, rotating.token];
    const running = world.hosts.flatMap(({ engine }) => engine.containers().map(({ name }) => name)).toSorted();

    await rotating.rotate(rotating.follower());
    // Until it has ended the token is what it was.
    await rotating.reaches("renew");
    expect(rotating.token).toBe(token);
    await rotating.joins(world.addHost(), token);
    await rotating.reaches(undefined);
    expect(rotating.root).not.toBe(before);
    await rotating.becomesWhole();
    for (const { member } of world.hosts) expect(member?.identity.caPem.trim()).toBe(rotating.root.trim());
    const now = world.hosts.flatMap(({ engine }) => engine.containers().map(({ name }) => name));
    expect(now.filter((name) => running.includes(name)).toSorted()).toEqual(running);

    const late = world.addHost();
    await expect(rotating.joins(late, token)).rejects.toThrow(
      /for another cluster, or from before its root was rotated/,
    );
    await rotating.joins(late, rotating.token);
    await rotating.end();
  });

  it.each(SEEDS)("goes on while its leaders go, at every step, seed %i", async (seed) => {
    const rotating = await RotatingWorld.of(seed, 5);
    const { world } = rotating;
    const before = rotating.root;
    await rotating.rotate();
    for (const phase of ["trust", "renew"] as const) {
      await rotating.reaches(phase);
      const { leader } = rotating;
      leader.crash();
      await world.until(() => world.leader !== undefined && world.leader !== leader, WHOLE_MS);
      await world.during(leader.resume());
    }
    await rotating.reaches(undefined);
    expect(rotating.root).not.toBe(before);
    // All from their disks.
    for (const host of world.hosts) host.crash();
    for (const host of world.hosts) await world.during(host.resume());
    await rotating.end();
  });

  it.each(SEEDS)("waits for a node that is away, at whatever step that went, seed %i", async (seed) => {
    const rotating = await RotatingWorld.of(seed, 5);
    const { world } = rotating;
    for (const phase of [undefined, "trust", "renew"] as const) {
      const before = rotating.root;
      const away = rotating.worker();
      if (phase === undefined) away.crash();
      await rotating.rotate();
      if (phase !== undefined) await rotating.reaches(phase);
      if (phase !== undefined) away.crash();
      await world.pass(ROTATED_MS);
      // Where it was quick enough to be ready it is waited for no more.
      if (phase === undefined) expect(rotating.rotation?.phase).toBe("trust");
      await world.during(away.resume());
      await rotating.reaches(undefined);
      expect(rotating.root).not.toBe(before);
      await rotating.becomesWhole();
    }
    await rotating.end();
  });

  it.each(SEEDS)("ends without a node that is removed, seed %i", async (seed) => {
    const rotating = await RotatingWorld.of(seed, 4);
    const { world } = rotating;
    const away = rotating.worker();
    const id = away.member?.identity.nodeId ?? expect.fail("it is in a cluster");
    away.crash();
    await rotating.rotate();
    await world.pass(ROTATED_MS);
    expect(rotating.rotation?.phase).toBe("trust");
    const now = world.clock.now();
    const removal = { kind: "removeNode", id, force: true, now } as const;
    await world.during(rotating.leader.manager?.submit(removal, signal) ?? Promise.reject(new Error("it leads")));
    await rotating.reaches(undefined);
    await rotating.end();
  });

  it.each(SEEDS)("of managers that are locked goes on once they are opened, seed %i", async (seed) => {
    const rotating = await RotatingWorld.of(seed, 3);
    const { world } = rotating;
    const key = newUnlockKey();
    world.unlockKeys.unshift(key);
    const adapter = rotating.leader.member?.cluster() ?? expect.fail("it leads");
    const sealed = await world.during(adapter.seal(Buffer.from(key), UNLOCK_KEY_SEAL_ID));
    const { version, spec: before } = rotating.leader.manager?.view.cluster() ?? expect.fail("it leads");
    const spec = { ...before, autolock: true };
    const command = { kind: "updateCluster", version, spec, unlockKey: sealed, now: world.clock.now() } as const;
    await world.during(adapter.submit(command, { signal }));
    await rotating.rotate();
    await rotating.reaches("renew");
    // They are opened with the key when they resume.
    for (const host of world.hosts) host.crash();
    for (const host of world.hosts) await world.during(host.resume());
    await rotating.reaches(undefined);
    await rotating.end();
  });

  it.each(SEEDS)("gives way to another one, at whatever step it is, seed %i", async (seed) => {
    const rotating = await RotatingWorld.of(seed, 5);
    const { world } = rotating;
    const away = rotating.worker();
    await rotating.rotate();
    await rotating.reaches("renew");
    away.crash();
    await world.pass(1_000);
    await rotating.rotate();
    await world.pass(1_000);
    await rotating.rotate();
    await world.pass(1_000);
    // It may have had a certificate of the first one already, or not.
    await world.during(away.resume());
    await rotating.reaches(undefined);
    await rotating.end();
  });
});
