import { nodeId } from "@murmur/base";
import {
  DEFAULT_CLUSTER_SPEC,
  SEAL_KEY_REST_MS,
  sealedOtherwise,
  sealHintIn,
  sealStart,
  secretId,
  serviceId,
  type SealKeyName,
} from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Driver, serviceSpec } from "./fixtures.ts";
import type { ApplyResult } from "./result.ts";

const key = (hint: number): SealKeyName => ({ hint, digest: hint.toString(16).padStart(64, "0") });
/** What a key of this hint has sealed; `what` tells one from the other. */
const sealed = (hint: number, what: string): string =>
  Buffer.concat([Buffer.from([1, hint]), Buffer.from(what.padEnd(40, "."))]).toString("base64");

class Sealing {
  readonly driver = new Driver().cluster().nodes("n1");
  now = 1_000;

  try(command: object): ApplyResult {
    this.driver.index += 1;
    const timed = { now: this.now, ...command } as Parameters<Driver["store"]["apply"]>[1];
    return this.driver.store.apply(this.driver.index, timed);
  }
  get view() {
    return this.driver.store.view;
  }
  secret(name: string, hint: number): ApplyResult {
    return this.try({
      kind: "createSecret",
      id: secretId(name),
      spec: { name, labels: {} },
      sealed: sealed(hint, name),
    });
  }
  left(hint: number): readonly string[] {
    return sealedOtherwise(this.view, key(hint)).map(({ name }) => name);
  }
}

it("knows by which key something is sealed", () => {
  for (const hint of [0, 1, 15, 16, 63, 64, 127, 128, 200, 255]) expect(sealHintIn(sealed(hint, "x"))).toBe(hint);
});

describe("a rotation of the key of secrets", () => {
  it("takes nothing that another key has sealed from the moment on at which all managers have the next one", () => {
    const sealing = new Sealing();
    expect(sealing.secret("before", 1).ok).toBe(true);
    expect(sealing.try({ kind: "rotateSealKey", next: key(2) }).ok).toBe(true);
    expect(sealing.secret("meanwhile", 1).ok).toBe(true);
    // Whoever made the key is gone: another one takes its place.
    expect(sealing.try({ kind: "rotateSealKey", next: key(3) }).ok).toBe(true);
    const advance = { kind: "advanceSealKey", digest: key(3).digest };
    expect(sealing.try({ ...advance, digest: key(2).digest, phase: "hold" })).toMatchObject({ code: "out_of_date" });
    expect(sealing.try({ ...advance, phase: "hold" }).ok).toBe(true);
    expect(sealing.secret("late", 1)).toMatchObject({ ok: false, code: "unavailable", message: /try again/ });
    expect(sealing.secret("new", 3).ok).toBe(true);
    const spec = serviceSpec("web");
    const create = { kind: "createService", id: serviceId("web"), spec };
    expect(sealing.try({ ...create, registryAuth: sealed(1, "login") })).toMatchObject({ code: "unavailable" });
    expect(sealing.try({ ...create, registryAuth: sealed(3, "login") }).ok).toBe(true);
    const version = sealing.view.cluster()?.version;
    const locked = { kind: "updateCluster", version, spec: { ...DEFAULT_CLUSTER_SPEC, autolock: true } };
    expect(sealing.try({ ...locked, unlockKey: sealed(1, "key") })).toMatchObject({ code: "unavailable" });
    expect(sealing.try({ kind: "rotateSealKey", next: key(4) })).toMatchObject({ code: "failed_precondition" });

    expect(sealing.left(3)).toEqual(["secret before", "secret meanwhile"]);
    expect(sealing.try({ ...advance, phase: "seal" })).toMatchObject({ ok: false, message: /secret before is still/ });
    const things = ["before", "meanwhile"].map((name) => ({
      place: "secret",
      of: name,
      from: sealStart(sealed(1, name)),
      sealed: sealed(3, `${name} anew`),
    }));
    expect(sealing.try({ kind: "reseal", things }).ok).toBe(true);
    expect(sealing.try({ ...advance, phase: "seal" }).ok).toBe(true);
    expect(sealing.view.cluster()?.sealKey).toEqual({ ...key(3), steppedAt: sealing.now });
    expect(sealing.secret("later", 1)).toMatchObject({ code: "unavailable" });
    expect(sealing.try({ kind: "rotateSealKey", next: key(4) })).toMatchObject({ message: /in two minutes/ });
    sealing.now += SEAL_KEY_REST_MS;
    expect(sealing.try({ kind: "rotateSealKey", next: key(4) }).ok).toBe(true);
  });

  it("changes what is sealed, where it is what it was, and nothing else of it", () => {
    const sealing = new Sealing();
    sealing.secret("s", 1);
    const spec = serviceSpec("web");
    const id = serviceId("web");
    sealing.try({ kind: "createService", id, spec, registryAuth: sealed(1, "first") });
    const { version = 0 } = sealing.view.service(id) ?? {};
    const changed = { ...spec, labels: { a: "b" } };
    sealing.try({ kind: "updateService", id, version, spec: changed, registryAuth: sealed(1, "second") });
    sealing.try({ kind: "rotateSealKey", next: key(2) });
    expect(sealing.try({ kind: "reseal", things: [] })).toMatchObject({ code: "out_of_date" });
    sealing.try({ kind: "advanceSealKey", digest: key(2).digest, phase: "hold" });
    const [secret, service] = [sealing.view.secret(secretId("s")), sealing.view.service(id)];
    const anew = (place: string, of: string, what: string) => ({
      place,
      of,
      from: sealStart(sealed(1, what)),
      sealed: sealed(2, `${what} anew`),
    });
    const wrong = { ...anew("secret", "s", "s"), sealed: sealed(1, "s anew") };
    expect(sealing.try({ kind: "reseal", things: [wrong] })).toMatchObject({ code: "unavailable" });
    const things = [
      anew("secret", "s", "s"),
      anew("secret", "gone", "gone"),
      anew("login", "web", "second"),
      anew("previousLogin", "web", "first"),
      anew("login", "web", "first"),
      anew("unlockKey", "", "none"),
    ];
    expect(sealing.try({ kind: "reseal", things }).ok).toBe(true);
    expect(sealing.view.secret(secretId("s"))).toEqual({ ...secret, sealed: sealed(2, "s anew") });
    expect(sealing.view.service(id)).toEqual({
      ...service,
      registryAuth: sealed(2, "second anew"),
      previousRegistryAuth: sealed(2, "first anew"),
    });
    expect(sealing.view.cluster()?.unlockKey).toBeUndefined();
    expect(sealing.left(2)).toEqual([]);
    // The same once more does nothing.
    const before = sealing.driver.store.hash();
    sealing.try({ kind: "reseal", things });
    expect(sealing.driver.store.hash()).toBe(before);
    expect(nodeId("n1")).toBe("n1");
  });
});
