import { configId, LIMITS, secretId, serviceId, type SecretReference } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Driver } from "./fixtures.ts";
import { createStore } from "./store.ts";

const SEALED = "c2VhbGVk";
const file = (name: string) => ({ name, uid: 0, gid: 0, mode: 0o444 });
const uses = (name: string, target = name): SecretReference => ({
  secretId: secretId(name),
  secretName: name,
  file: file(target),
});

const started = (): Driver => new Driver().cluster();

function secret(driver: Driver, name: string, { id = name, sealed = SEALED } = {}) {
  return driver.try({ kind: "createSecret", id: secretId(id), spec: { name, labels: {} }, sealed });
}
function config(driver: Driver, name: string, { id = name } = {}) {
  return driver.try({ kind: "createConfig", id: configId(id), spec: { name, labels: {} }, data: SEALED });
}

describe("a secret", () => {
  it("is kept as it came, and found by its name", () => {
    const driver = started();
    expect(secret(driver, "key", { id: "s1" })).toMatchObject({ ok: true, id: "s1" });
    expect(driver.store.view.secretByName("key")).toMatchObject({ id: "s1", sealed: SEALED, version: driver.index });
    expect(driver.store.view.configs()).toEqual([]);
  });

  it("has a name of its own among secrets, in Docker's words; a config may have the same", () => {
    const driver = started();
    secret(driver, "key");
    expect(secret(driver, "key", { id: "s2" })).toMatchObject({
      code: "already_exists",
      message: "secret key already exists",
    });
    expect(config(driver, "key")).toMatchObject({ ok: true });
    expect(config(driver, "key", { id: "c2" })).toMatchObject({ message: "config key already exists" });
  });

  it.each(["", "-key", "key.", "a b", "x".repeat(65), "ä"])("is not called %j", (name) => {
    expect(secret(started(), name, { id: "s1" })).toMatchObject({ code: "invalid_argument" });
  });

  it("is bounded, as it is kept", () => {
    const sealed = "A".repeat(4 * Math.ceil((LIMITS.secretBytes + 64) / 3));
    expect(secret(started(), "big", { sealed })).toMatchObject({ ok: true });
    expect(secret(started(), "big", { sealed: `${sealed}AAAA` })).toMatchObject({ code: "invalid_argument" });
    expect(secret(started(), "clear", { sealed: "not base64!" })).toMatchObject({ code: "invalid_argument" });
  });

  it("changes its labels only, at the version that was read", () => {
    const driver = started();
    secret(driver, "key");
    const { version } = driver.store.view.secret(secretId("key")) ?? expect.fail();
    const change = (spec: object, at = version) =>
      driver.try({
        kind: "updateSecret",
        id: secretId("key"),
        version: at,
        spec: { name: "key", labels: {}, ...spec },
      });
    expect(change({ name: "other" })).toMatchObject({
      code: "invalid_argument",
      message: "only updates to Labels are allowed",
    });
    expect(change({ templating: "golang" })).toMatchObject({ code: "invalid_argument" });
    expect(change({ labels: { a: "b" } }, version + 7)).toMatchObject({ code: "out_of_date" });
    expect(change({ labels: { a: "b" } })).toMatchObject({ ok: true });
    expect(driver.store.view.secret(secretId("key"))).toMatchObject({ spec: { labels: { a: "b" } }, sealed: SEALED });
  });

  it("stays while services use it, and says which", () => {
    const driver = started();
    secret(driver, "key");
    driver.service("web", { container: { secrets: [uses("key")] } });
    driver.service("api", { container: { secrets: [uses("key")] } });
    const remove = () => driver.try({ kind: "removeSecret", id: secretId("key") });
    expect(remove()).toMatchObject({
      code: "in_use",
      message: "secret 'key' is in use by the following services: web, api",
    });
    driver.update("web");
    expect(remove()).toMatchObject({ message: "secret 'key' is in use by the following service: api" });
    driver.do({ kind: "removeService", id: serviceId("api") });
    expect(remove()).toMatchObject({ ok: true });
    expect(remove()).toMatchObject({ code: "not_found" });
  });

  it("is in snapshots", () => {
    const driver = started();
    secret(driver, "key");
    config(driver, "conf");
    const copy = createStore();
    const restore = copy.restore();
    for (const chunk of driver.store.snapshot()) restore.push(chunk);
    expect(restore.finish()).toMatchObject({ ok: true });
    expect(copy.hash()).toBe(driver.store.hash());
    expect(copy.view.secretByName("key")).toEqual(driver.store.view.secretByName("key"));
  });
});

describe("a service", () => {
  it("is made and updated only with secrets and configs that are there, in Docker's words", () => {
    const driver = started();
    secret(driver, "key");
    driver.service("web", { container: { secrets: [uses("key")] } });
    expect(driver.update("web", { container: { secrets: [uses("key"), uses("no"), uses("none")] } })).toMatchObject({
      code: "invalid_argument",
      message: "secrets not found: no, none",
    });
    const configs = [{ configId: configId("conf"), configName: "conf", file: file("/etc/conf") }];
    expect(driver.update("web", { container: { configs } })).toMatchObject({ message: "config not found: conf" });
  });

  it("can't go back to a secret that is gone", () => {
    const driver = started();
    secret(driver, "key");
    driver.service("web", { container: { secrets: [uses("key")] } });
    driver.update("web");
    driver.do({ kind: "removeSecret", id: secretId("key") });
    const { version } = driver.store.view.service(serviceId("web")) ?? expect.fail();
    expect(driver.try({ kind: "rollbackService", id: serviceId("web"), version })).toMatchObject({
      message: "secret not found: key",
    });
  });

  it("has one file at a path", () => {
    const driver = started();
    secret(driver, "one");
    secret(driver, "two");
    driver.service("web");
    expect(
      driver.update("web", { container: { secrets: [uses("one", "x"), uses("two", "/run/secrets//x")] } }),
    ).toMatchObject({
      code: "invalid_argument",
      message: "spec.task.container.secrets: secret two has the same target as secret one: /run/secrets//x",
    });
    expect(
      driver.update("web", { container: { secrets: [uses("one", "../x"), uses("two", "/run/x")] } }),
    ).toMatchObject({ code: "invalid_argument", message: expect.stringContaining("has the same target") });
    expect(driver.update("web", { container: { secrets: [uses("one", "x/..")] } })).toMatchObject({
      code: "invalid_argument",
    });
  });
});
