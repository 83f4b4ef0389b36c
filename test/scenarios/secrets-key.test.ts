import { newUnlockKey } from "@murmur/identity";
import {
  loginSealId,
  SEAL_KEY_REST_MS,
  secretId,
  UNLOCK_KEY_SEAL_ID,
  type Cluster,
  type SecretId,
} from "@murmur/model";
import { allChecks, unmet, World, type Host } from "@murmur/sim";
import { describe, expect, it } from "vitest";
import { end, settle, spec } from "../../packages/sim/src/checks/testing/settled.ts";

const WHOLE_MS = 60_000;
const { signal } = new AbortController();
const SEEDS = [1, 2, 3];
const SECRETS = 120;

/** A world with all its promises checked, that has secrets, a login and an unlock key. */
class SecretWorld {
  readonly world: World;
  readonly #checks: ReturnType<typeof allChecks>;
  readonly secrets = new Map<SecretId, string>();

  private constructor(world: World) {
    this.world = world;
    this.#checks = allChecks(world);
    world.observers.push(...this.#checks.observers);
  }

  static async of(seed: number, hosts: number): Promise<SecretWorld> {
    await World.warmUp();
    const made = new SecretWorld(new World({ seed }));
    await settle(made.world, hosts);
    return made;
  }

  get leader(): Host {
    return this.world.leader ?? expect.fail("nobody leads");
  }
  get managers(): Host[] {
    return this.world.running.filter(({ manager }) => manager !== undefined);
  }
  adapter(host: Host = this.leader) {
    return host.member?.cluster() ?? expect.fail("it is a manager");
  }
  get cluster(): Cluster {
    return this.leader.manager?.view.cluster() ?? expect.fail("the leader knows no cluster");
  }
  get isLed(): boolean {
    return this.world.leader?.manager?.view.cluster() !== undefined;
  }

  async secret(name: string, through: Host = this.leader): Promise<void> {
    const id = secretId(this.world.newId());
    const adapter = this.adapter(through);
    const sealed = await this.world.during(adapter.seal(Buffer.from(name), id));
    const command = { kind: "createSecret", id, spec: { name, labels: {} }, sealed } as const;
    await this.world.during(adapter.submit({ ...command, now: this.world.clock.now() }, { signal }));
    this.secrets.set(id, name);
  }

  async lock(): Promise<void> {
    const key = newUnlockKey();
    this.world.unlockKeys.unshift(key);
    const sealed = await this.world.during(this.adapter().seal(Buffer.from(key), UNLOCK_KEY_SEAL_ID));
    const { version, spec: before } = this.cluster;
    const changed = { ...before, autolock: true };
    const command = { kind: "updateCluster", version, spec: changed, unlockKey: sealed } as const;
    await this.world.during(this.adapter().submit({ ...command, now: this.world.clock.now() }, { signal }));
  }

  async rotate(through: Host = this.leader): Promise<void> {
    const adapter = this.adapter(through);
    const next = await this.world.during(adapter.newSealKey());
    const command = { kind: "rotateSealKey", next, now: this.world.clock.now() } as const;
    await this.world.during(adapter.submit(command, { signal }));
  }

  async reaches(phase: "hold" | "seal" | undefined): Promise<void> {
    const isThere = (): boolean =>
      this.isLed && this.cluster.sealKey !== undefined && this.cluster.sealKey.phase === phase;
    expect(await this.world.until(isThere, WHOLE_MS)).toBeDefined();
  }

  /** All managers have the one key that seals, and open with it what there is. */
  async becomesWhole(): Promise<void> {
    await this.world.pass(SEAL_KEY_REST_MS);
    const undone = (): string[] => unmet(this.world, { services: new Map(), hosts: this.world.running });
    await this.world.until(() => this.isLed && undone().length === 0, WHOLE_MS, 100);
    expect(undone()).toEqual([]);
    const kept = new Set(this.managers.map(({ member }) => member?.identity.sealKeys.join()));
    expect([...kept]).toEqual([expect.stringMatching(/^[A-Za-z0-9_-]{43}$/)]);
    for (const host of this.managers) {
      const view = host.manager?.view ?? expect.fail("it is a manager");
      for (const [id, text] of this.secrets) {
        const secret = view.secret(id) ?? expect.fail("it is there");
        expect(this.adapter(host).isSealed(secret, Buffer.from(text))).toBe(true);
      }
    }
  }

  async end(): Promise<void> {
    await this.becomesWhole();
    this.#checks.final();
    await end(this.world);
  }
}

describe("a rotation of the key of secrets", () => {
  it.each(SEEDS)("seals everything anew, while leaders go, seed %i", async (seed) => {
    const sealing = await SecretWorld.of(seed, 5);
    const { world } = sealing;
    for (let number = 0; number < SECRETS; number += 1) await sealing.secret(`secret-${String(number)}`);
    const id = world.newId();
    const login = await world.during(sealing.adapter().seal(Buffer.from("login"), loginSealId(id as never)));
    const service = {
      kind: "createService",
      id: id as never,
      spec: spec("web", { kind: "replicated", replicas: 2 }),
    } as const;
    const create = { ...service, registryAuth: login, now: world.clock.now() };
    await world.during(sealing.adapter().submit(create, { signal }));
    const before = sealing.leader.member?.identity.sealKeys[0];
    const versions = sealing.leader.manager?.view.secrets().map(({ version }) => version);
    await sealing.rotate();
    for (const phase of ["hold", "seal"] as const) {
      if (phase === "seal") await sealing.reaches(phase);
      const { leader } = sealing;
      leader.crash();
      await world.until(() => world.leader !== undefined && world.leader !== leader, WHOLE_MS);
      await world.during(leader.resume());
    }
    await sealing.reaches(undefined);
    expect(sealing.leader.manager?.view.secrets().map(({ version }) => version)).toEqual(versions);
    await sealing.secret("after");
    await sealing.becomesWhole();
    expect(sealing.leader.member?.identity.sealKeys).not.toContain(before);
    // A manager that comes later gets the one key, and so does one that was away.
    for (const host of world.hosts) host.crash();
    for (const host of world.hosts) await world.during(host.resume());
    await sealing.end();
  });

  it.each(SEEDS)(
    "waits for managers that are away, and seals with the key of before meanwhile, seed %i",
    async (seed) => {
      const sealing = await SecretWorld.of(seed, 3);
      const { world } = sealing;
      await sealing.secret("before");
      const away = sealing.managers.find((host) => host !== sealing.leader) ?? expect.fail("there are three");
      away.crash();
      await sealing.rotate();
      await world.pass(8_000);
      expect(sealing.cluster.sealKey?.phase).toBe("hold");
      await sealing.secret("meanwhile");
      await world.during(away.resume());
      await sealing.reaches(undefined);
      await sealing.secret("after", away);
      await sealing.end();
    },
  );

  it.each(SEEDS)(
    "goes on with managers that are locked, and the unlock key stays what it is, seed %i",
    async (seed) => {
      const sealing = await SecretWorld.of(seed, 3);
      const { world } = sealing;
      await sealing.secret("before");
      await sealing.lock();
      const key = sealing.adapter().unlockKey(sealing.cluster);
      const { unlockKey } = sealing.cluster;
      await sealing.rotate(sealing.managers.find((host) => host !== sealing.leader));
      await sealing.reaches(undefined);
      expect(sealing.cluster.unlockKey).not.toBe(unlockKey);
      await sealing.becomesWhole();
      expect(sealing.adapter().unlockKey(sealing.cluster)).toBe(key);
      // They are opened with the key when they resume.
      for (const host of world.hosts) host.crash();
      for (const host of world.hosts) await world.during(host.resume());
      await sealing.end();
    },
  );
});
