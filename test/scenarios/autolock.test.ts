import { newUnlockKey, type UnlockKey } from "@murmur/identity";
import { UNLOCK_KEY_SEAL_ID } from "@murmur/model";
import { allChecks, unmet, World, type Host } from "@murmur/sim";
import { describe, expect, it } from "vitest";
import { create, end, settle, spec } from "../../packages/sim/src/checks/testing/settled.ts";

const WHOLE_MS = 60_000;
const NOTICED_MS = 5_000;
const { signal } = new AbortController();
const SEEDS = [1, 2, 3];

/** A world of so many managers with all its promises checked, and what happens to its lock. */
class LockedWorld {
  readonly world: World;
  readonly #checks: ReturnType<typeof allChecks>;

  private constructor(world: World) {
    this.world = world;
    this.#checks = allChecks(world);
    world.observers.push(...this.#checks.observers);
  }

  static async of(seed: number, hosts = 3): Promise<LockedWorld> {
    await World.warmUp();
    const made = new LockedWorld(new World({ seed }));
    await settle(made.world, hosts);
    return made;
  }

  get leader(): Host {
    if (this.world.leader === undefined) throw new Error("nobody leads");
    return this.world.leader;
  }

  follower(): Host {
    const found = this.world.running.find((host) => host !== this.world.leader && host.manager !== undefined);
    if (found === undefined) throw new Error("there is no follower");
    return found;
  }

  /** Turns autolock on with this key, gives it another one, or turns it off. Resolves when that is committed. */
  async setKey(key: UnlockKey | undefined, through: Host = this.leader): Promise<void> {
    const adapter = through.member?.cluster();
    const cluster = through.manager?.view.cluster();
    if (adapter === undefined || cluster === undefined) throw new Error(`${through.name} is no manager`);
    const { autolock: _before, ...without } = cluster.spec;
    const changed =
      key === undefined
        ? { spec: without }
        : {
            spec: { ...without, autolock: true },
            unlockKey: await this.world.during(adapter.seal(Buffer.from(key), UNLOCK_KEY_SEAL_ID)),
          };
    const now = this.world.clock.now();
    const command = { kind: "updateCluster", version: cluster.version, ...changed, now } as const;
    await this.world.during(adapter.submit(command, { signal }));
  }

  /** The disks of these hosts follow the record, to the last file. */
  async follows(hosts: readonly Host[], key: UnlockKey | undefined): Promise<void> {
    const isDone = (host: Host): boolean => {
      const disk = host.member?.identity.disk;
      return key === undefined ? disk === undefined : disk?.whole === true && disk.keys.length === 1;
    };
    // Before that it may look as if all were done: they haven't noticed yet.
    await this.world.pass(NOTICED_MS);
    await this.world.until(() => hosts.every(isDone), WHOLE_MS, 100);
    expect(hosts.map((host) => [host.name, host.member?.identity.disk?.whole])).toEqual(
      hosts.map((host) => [host.name, key === undefined ? undefined : true]),
    );
  }

  async restart(host: Host): Promise<void> {
    host.crash();
    await this.world.pass(500);
    await this.world.during(host.resume());
  }

  unlock(host: Host, key: UnlockKey): Promise<void> {
    return this.world.during(host.life?.node.control.unlock(key) ?? Promise.reject(new Error("it doesn't run")));
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

const stateOf = (host: Host): string | undefined => host.life?.node.control.status().state;
const WRONG = "swarm could not be unlocked: invalid key provided";

describe("autolock", () => {
  it.each(SEEDS)("a manager that restarts waits for its key, and its containers run on, seed %i", async (seed) => {
    const locked = await LockedWorld.of(seed);
    const { world } = locked;
    await create(world, locked.leader, spec("web", { kind: "replicated", replicas: 3 }));
    await locked.becomesWhole();
    const key = newUnlockKey();
    await locked.setKey(key, locked.follower());
    await locked.follows(world.hosts, key);

    const first = locked.leader;
    const before = first.engine.containers().filter(({ state }) => state === "running").length;
    await locked.restart(first);
    expect(stateOf(first)).toBe("locked");
    expect(first.engine.containers().filter(({ state }) => state === "running").length).toBe(before);
    await expect(locked.unlock(first, newUnlockKey())).rejects.toThrow(WRONG);
    expect(stateOf(first)).toBe("locked");
    await locked.unlock(first, key);
    expect(stateOf(first)).toBe("active");
    await locked.becomesWhole();

    // All of them at once: nobody but who has noted it knows the key.
    for (const host of world.hosts) host.crash();
    for (const host of world.hosts) await world.during(host.resume());
    expect(world.hosts.map(stateOf)).toEqual(["locked", "locked", "locked"]);
    for (const host of world.hosts) await locked.unlock(host, key);
    await locked.end();
  });

  it.each(SEEDS)("the key is replaced while the leader goes and another manager is down, seed %i", async (seed) => {
    const locked = await LockedWorld.of(seed);
    const { world } = locked;
    const [first, second, third] = [newUnlockKey(), newUnlockKey(), newUnlockKey()];
    await locked.setKey(first);
    await locked.follows(world.hosts, first);

    const away = locked.follower();
    away.crash();
    await locked.setKey(second);
    const leader = locked.leader;
    leader.crash();
    await world.pass(2_000);
    // It may or may not have followed before: one of the two keys opens it, whichever moment it was.
    await world.during(leader.resume());
    expect(stateOf(leader)).toBe("locked");
    await locked.unlock(leader, second).catch(() => locked.unlock(leader, first));
    // The one that was away opens with what it had.
    await world.during(away.resume());
    expect(stateOf(away)).toBe("locked");
    await expect(locked.unlock(away, second)).rejects.toThrow(WRONG);
    await locked.unlock(away, first);
    await locked.follows(world.hosts, second);
    await locked.restart(away);
    await expect(locked.unlock(away, first)).rejects.toThrow(WRONG);
    await locked.unlock(away, second);

    // Two changes, one on the heels of the other.
    await world.until(() => world.leader !== undefined, WHOLE_MS);
    await locked.becomesWhole();
    await locked.setKey(third);
    await locked.setKey(undefined);
    await locked.follows(world.hosts, undefined);
    for (const host of world.hosts) await locked.restart(host);
    expect(world.hosts.map(stateOf)).toEqual(["active", "active", "active"]);
    await locked.end();
  });

  it.each(Array.from({ length: 12 }, (_, at) => at + 1))(
    "whatever moment of a change is the last one, a known key opens the disk, seed %i",
    async (seed) => {
      const locked = await LockedWorld.of(seed);
      const { world } = locked;
      const [first, second] = [newUnlockKey(), newUnlockKey()];
      await locked.setKey(first);
      await locked.follows(world.hosts, first);
      const victim = locked.follower();
      // It ends right before one of its next actions.
      victim.life?.process.dieAfter(seed * 7);
      await locked.setKey(seed % 3 === 0 ? undefined : second, locked.leader);
      await world.until(() => victim.life === undefined, WHOLE_MS);
      await world.during(victim.resume());
      if (stateOf(victim) === "locked") await locked.unlock(victim, second).catch(() => locked.unlock(victim, first));
      expect(stateOf(victim)).toBe("active");
      await locked.follows(world.hosts, seed % 3 === 0 ? undefined : second);
      await locked.end();
    },
  );

  it("reaches a new manager; one that is none any more doesn't stay locked", async () => {
    const locked = await LockedWorld.of(5);
    const { world } = locked;
    const key = newUnlockKey();
    await locked.setKey(key);
    await locked.follows(world.hosts, key);
    const fourth = world.addHost();
    await world.during(world.join(fourth));
    expect(fourth.member?.identity.disk).toBeUndefined();
    const gone = locked.follower();
    gone.crash();
    await world.until(() => fourth.manager !== undefined, WHOLE_MS);
    await locked.follows([fourth], key);
    await world.during(gone.resume());
    await locked.unlock(gone, key);
    await world.until(() => gone.member?.identity.disk === undefined, WHOLE_MS, 100);
    await locked.restart(gone);
    expect(stateOf(gone)).toBe("active");
    await locked.restart(fourth);
    expect(stateOf(fourth)).toBe("locked");
    await locked.unlock(fourth, key);
    await locked.end();
  });

  it("a locked node can be made to leave, and takes its containers with it", async () => {
    const locked = await LockedWorld.of(6);
    const { world } = locked;
    await create(world, locked.leader, spec("web", { kind: "global" }));
    await locked.becomesWhole();
    const key = newUnlockKey();
    await locked.setKey(key);
    await locked.follows(world.hosts, key);
    const host = locked.follower();
    await locked.restart(host);
    const control = host.life?.node.control;
    if (control === undefined) throw new Error("it doesn't run");
    await expect(world.during(control.leave({ force: false }, signal))).rejects.toThrow("Swarm is encrypted");
    await world.during(control.leave({ force: true }, signal));
    expect(control.status()).toEqual({ state: "outside" });
    expect(host.engine.containers()).toEqual([]);
    // Its address is free once it counts as down.
    await world.pass(20_000);
    await world.during(world.join(host));
    await end(world);
  });
});
