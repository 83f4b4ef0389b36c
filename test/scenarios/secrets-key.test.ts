import { newUnlockKey } from "@murmur/identity";
import { loginSealId, SEAL_KEY_REST_MS, serviceId, UNLOCK_KEY_SEAL_ID, type SecretId } from "@murmur/model";
import type { Host } from "@murmur/sim";
import { describe, expect, it } from "vitest";
import { CheckedWorld } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { spec } from "../../packages/sim/src/checks/testing/settled.ts";

const WHOLE_MS = 60_000;
const SEEDS = [1, 2, 3];
const SECRETS = 120;

/** A cluster that has secrets, each of which holds its name. */
class SecretWorld extends CheckedWorld {
  readonly #secrets = new Map<SecretId, string>();

  async secret(name: string, through?: Host): Promise<void> {
    this.#secrets.set(await this.createSecret(name, name, through), name);
  }

  async lock(): Promise<void> {
    const key = newUnlockKey();
    this.world.unlockKeys.unshift(key);
    const unlockKey = await this.seal(key, UNLOCK_KEY_SEAL_ID);
    const { version, spec: before } = this.cluster;
    await this.submit({ kind: "updateCluster", version, spec: { ...before, autolock: true }, unlockKey });
  }

  async rotate(through: Host = this.leader): Promise<void> {
    const next = await this.world.during(this.adapter(through).newSealKey());
    await this.submit({ kind: "rotateSealKey", next }, through);
  }

  async reaches(phase: "hold" | "seal" | undefined): Promise<void> {
    const isThere = (): boolean => {
      const { sealKey } = this.world.leader?.manager?.view.cluster() ?? {};
      return sealKey !== undefined && sealKey.phase === phase;
    };
    expect(await this.world.until(isThere, WHOLE_MS)).toBeDefined();
  }

  /** All is as it should be, and all managers have the one key that seals, and open with it what there is. */
  async becomesSealed(): Promise<void> {
    await this.world.pass(SEAL_KEY_REST_MS);
    await this.becomesWhole();
    const managers = this.hosts.filter(({ manager }) => manager !== undefined);
    const kept = new Set(managers.map(({ member }) => member?.identity.sealKeys.join()));
    expect([...kept]).toEqual([expect.stringMatching(/^[A-Za-z0-9_-]{43}$/)]);
    for (const host of managers) {
      const view = host.manager?.view ?? expect.fail("it is a manager");
      for (const [id, text] of this.#secrets) {
        const secret = view.secret(id) ?? expect.fail("it is there");
        expect(this.adapter(host).isSealed(secret, Buffer.from(text))).toBe(true);
      }
    }
  }
}

describe("a rotation of the key of secrets", () => {
  it.each(SEEDS)("seals everything anew, while leaders go, seed %i", async (seed) => {
    await using scene = await SecretWorld.settled(seed, 5);
    const { world } = scene;
    for (let number = 0; number < SECRETS; number += 1) await scene.secret(`secret-${String(number)}`);
    const id = serviceId(world.newId());
    const registryAuth = await scene.seal("login", loginSealId(id));
    const web = spec("web", { kind: "replicated", replicas: 2 });
    await scene.submit({ kind: "createService", id, spec: web, registryAuth });
    const before = scene.leader.member?.identity.sealKeys[0];
    const versions = scene.leader.manager?.view.secrets().map(({ version }) => version);
    await scene.rotate();
    for (const phase of ["hold", "seal"] as const) {
      if (phase === "seal") await scene.reaches(phase);
      await scene.changeLeader();
    }
    await scene.reaches(undefined);
    expect(scene.leader.manager?.view.secrets().map(({ version }) => version)).toEqual(versions);
    await scene.secret("after");
    await scene.becomesSealed();
    expect(scene.leader.member?.identity.sealKeys).not.toContain(before);
    // A manager that comes later gets the one key, and so does one that was away.
    await scene.restartAll();
    await scene.becomesSealed();
  });

  it.each(SEEDS)(
    "waits for managers that are away, and seals with the key of before meanwhile, seed %i",
    async (seed) => {
      await using scene = await SecretWorld.settled(seed, 3);
      const { world } = scene;
      await scene.secret("before");
      const away = scene.follower();
      away.crash();
      await scene.rotate();
      await world.pass(8_000);
      expect(scene.cluster.sealKey?.phase).toBe("hold");
      await scene.secret("meanwhile");
      await world.during(away.resume());
      await scene.reaches(undefined);
      await scene.secret("after", away);
      await scene.becomesSealed();
    },
  );

  it.each(SEEDS)(
    "goes on with managers that are locked, and the unlock key stays what it is, seed %i",
    async (seed) => {
      await using scene = await SecretWorld.settled(seed, 3);
      await scene.secret("before");
      await scene.lock();
      const key = scene.adapter().unlockKey(scene.cluster);
      const { unlockKey } = scene.cluster;
      await scene.rotate(scene.follower());
      await scene.reaches(undefined);
      expect(scene.cluster.unlockKey).not.toBe(unlockKey);
      await scene.becomesSealed();
      expect(scene.adapter().unlockKey(scene.cluster)).toBe(key);
      // They are opened with the key when they resume.
      await scene.restartAll();
      await scene.becomesSealed();
    },
  );
});
