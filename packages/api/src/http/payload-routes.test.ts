import { LIMITS } from "@murmur/model";
import { beforeEach, describe, expect, it } from "vitest";
import type { Config, Secret } from "../docker/payload-types.ts";
import { Asker, filters, spec } from "../testing/asker.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const INVALID_NAME =
  "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]";

let asker: Asker;
beforeEach(() => {
  asker = new Asker();
});

async function make(kind: "secrets" | "configs", name: string, more: object = {}): Promise<string> {
  const body = { Name: name, Labels: {}, Data: base64("hunter2"), ...more };
  const { status, body: answer } = await asker.ask<{ ID: string }>(`/${kind}/create`, "POST", body);
  expect(status).toBe(201);
  return answer.ID;
}

const reference = (name: string, file: object = {}, more: object = {}) => ({
  File: { Name: name, UID: "0", GID: "0", Mode: 0o444, ...file },
  ...more,
});

describe.each([
  ["secret", "secrets", LIMITS.secretBytes],
  ["config", "configs", LIMITS.configBytes],
] as const)("%ss", (kind, kinds, limit) => {
  it("are made, listed, inspected by id, name and beginning of an id, and removed", async () => {
    const id = await make(kinds, "key", { Labels: { a: "b" } });
    const { body } = await asker.ask<Secret>(`/${kinds}/${id}`);
    expect(body).toMatchObject({
      ID: id,
      Version: { Index: expect.any(Number) as number },
      Spec: { Name: "key", Labels: { a: "b" } },
    });
    expect(body.CreatedAt).toMatch(/^\d{4}-.*\.\d{9}Z$/);
    for (const text of ["key", id.slice(0, 12)])
      expect((await asker.ask<Secret>(`/${kinds}/${text}`)).body).toEqual(body);
    expect((await asker.ask<Secret[]>(`/${kinds}`)).body).toEqual([body]);
    expect(await asker.ask(`/${kinds}/key`, "DELETE")).toMatchObject({ status: 204 });
    expect(await asker.ask(`/${kinds}/key`, "DELETE")).toMatchObject({
      status: 404,
      body: { message: `${kind} key not found` },
    });
    expect((await asker.ask(`/${kinds}/key`)).status).toBe(404);
  });

  it("are filtered as Docker's, and by nothing else", async () => {
    const one = await make(kinds, "key-one", { Labels: { a: "1" } });
    const two = await make(kinds, "key-two", { Labels: { a: "2", b: "" } });
    const names = async (given: object) =>
      (await asker.ask<Secret[]>(`/${kinds}?${filters(given)}`)).body.map(({ ID }) => ID);
    expect(await names({ name: ["key"] })).toEqual([one, two]);
    expect(await names({ name: ["key-t"] })).toEqual([two]);
    expect(await names({ id: [one.slice(0, 20)] })).toEqual([one]);
    expect(await names({ label: ["a=2"] })).toEqual([two]);
    expect(await names({ label: ["b"] })).toEqual([two]);
    expect(await asker.ask(`/${kinds}?${filters({ invalid: ["x"] })}`)).toMatchObject({
      status: 400,
      body: { message: "invalid filter 'invalid'" },
    });
  });

  it("have a name once, of Docker's form", async () => {
    await make(kinds, "key");
    const body = { Name: "key", Data: base64("other") };
    expect(await asker.ask(`/${kinds}/create`, "POST", body)).toMatchObject({
      status: 409,
      body: { message: `${kind} key already exists` },
    });
    expect(await asker.ask(`/${kinds}/create`, "POST", { ...body, Name: "" })).toMatchObject({
      status: 400,
      body: { message: "name must be provided" },
    });
    for (const Name of ["-a", "a-", "x".repeat(65), "a b"]) {
      expect(await asker.ask(`/${kinds}/create`, "POST", { ...body, Name })).toMatchObject({
        status: 400,
        body: { message: INVALID_NAME },
      });
    }
  });

  it("are of Docker's sizes", async () => {
    const message = `${kind} data must be larger than 0 and less than ${String(limit)} bytes`;
    for (const Data of ["", Buffer.alloc(limit).toString("base64"), undefined]) {
      expect(await asker.ask(`/${kinds}/create`, "POST", { Name: "big", Data })).toMatchObject({
        status: 400,
        body: { message },
      });
    }
    await make(kinds, "big", { Data: Buffer.alloc(limit - 1, 7).toString("base64") });
    expect(await asker.ask(`/${kinds}/create`, "POST", { Name: "x", Data: "?" })).toMatchObject({ status: 400 });
  });

  it("change their labels only", async () => {
    const id = await make(kinds, "key", { Templating: { Name: "golang" } });
    const { Version } = (await asker.ask<Secret>(`/${kinds}/${id}`)).body;
    const update = (body: object, version: number | string = Version.Index) =>
      asker.ask(`/${kinds}/${id}/update?version=${String(version)}`, "POST", body);
    const onlyLabels = { status: 400, body: { message: "only updates to Labels are allowed" } };
    expect(await update({ Name: "other" })).toMatchObject(onlyLabels);
    expect(await update({ Name: "key", Data: base64("other") })).toMatchObject(onlyLabels);
    expect(await update({ Name: "key" }, "")).toMatchObject({ status: 400 });
    expect(await update({ Name: "key" }, Version.Index + 9)).toMatchObject({ status: 500 });
    expect(await update({ Name: "key", Data: base64("hunter2"), Labels: { a: "b" } })).toMatchObject({ status: 200 });
    expect((await asker.ask<Secret>(`/${kinds}/${id}`)).body.Spec).toMatchObject({
      Labels: { a: "b" },
      Templating: { Name: "golang" },
    });
  });

  it("may be templates of what Murmur expands, and have no drivers", async () => {
    const create = (more: object) =>
      asker.ask(`/${kinds}/create`, "POST", { Name: "t", Data: base64('{{env "A"}} {{.Task.Slot}}'), ...more });
    expect(await create({ Templating: { Name: "jinja" } })).toMatchObject({ status: 400 });
    expect(await create({ Driver: { Name: "vault" } })).toMatchObject({ status: 400 });
    const bad = await create({ Data: base64("hunter2 {{.Nothing}}"), Templating: { Name: "golang" } });
    expect(bad.status).toBe(400);
    if (kind === "secret") expect(bad.body.message).not.toContain("Nothing");
    expect(await create({ Templating: { Name: "golang" } })).toMatchObject({ status: 201 });
  });

  it("stay while a service uses them, which says so both ways", async () => {
    const id = await make(kinds, "key");
    const [Kind, Key] = kind === "secret" ? ["Secret", "Secrets"] : ["Config", "Configs"];
    const service = (references: readonly object[]) =>
      spec("web", { TaskTemplate: { ContainerSpec: { Image: "nginx", [Key]: references } } });
    const full = { ...reference("key", { UID: "7" }), [`${Kind}ID`]: id, [`${Kind}Name`]: "key" };
    const unknown = { ...reference("x"), [`${Kind}ID`]: "nope", [`${Kind}Name`]: "gone" };
    expect(await asker.ask("/services/create", "POST", service([unknown]))).toMatchObject({
      status: 400,
      body: { message: `${kind} not found: gone` },
    });
    const byName = { ...reference("key", { UID: "7" }), [`${Kind}Name`]: "key" };
    const { body } = await asker.ask<{ ID: string }>("/services/create", "POST", service([byName]));
    const shown = await asker.inspect(body.ID);
    expect(shown.Spec.TaskTemplate.ContainerSpec).toMatchObject({ [Key]: [full] });
    expect(await asker.ask(`/${kinds}/key`, "DELETE")).toMatchObject({
      status: 400,
      body: { message: `${kind} 'key' is in use by the following service: web` },
    });
    const { Version, Spec } = shown;
    const same = await asker.ask(`/services/web/update?version=${String(Version.Index)}`, "POST", Spec);
    expect(same.status).toBe(200);
    expect((await asker.inspect(body.ID)).Spec).toEqual(Spec);
  });
});

it.each([
  [{ SecretName: "key" }, "malformed file secret reference, invalid target file name provided for key"],
  [reference("x", { UID: "root" }, { SecretName: "key" }), 'secret key: UID "root" must be a number'],
  [reference("x/..", {}, { SecretName: "key" }), /must be a file's name or path/],
])("a reference %o is refused", async (given, message) => {
  await make("secrets", "key");
  const body = spec("web", { TaskTemplate: { ContainerSpec: { Image: "nginx", Secrets: [given] } } });
  const answer = await asker.ask("/services/create", "POST", body);
  expect(answer.status).toBe(400);
  expect(answer.body.message).toMatch(message);
});

it("a secret's bytes are never shown, in clear or sealed; a config's are", async () => {
  const id = await make("secrets", "key");
  await make("configs", "conf");
  expect((await asker.ask<Config>("/configs/conf")).body.Spec.Data).toBe(base64("hunter2"));
  const sealed = asker.ports.replica?.store.view.secretByName("key")?.sealed ?? expect.fail();
  expect(Buffer.from(sealed, "base64").toString()).toContain(`sealed for ${id}`);
  for (const path of ["/secrets", "/secrets/key", `/secrets?${filters({ names: ["key"] })}`]) {
    const { body } = await asker.ask<unknown>(path);
    const text = JSON.stringify(body);
    expect(text).toContain("key");
    for (const secret of [sealed, "Data", base64("hunter2"), "hunter2"]) expect(text).not.toContain(secret);
  }
});

it("a service's templates are refused in one line where they can't be expanded", async () => {
  const body = spec("web", { TaskTemplate: { ContainerSpec: { Image: "nginx", Env: ["A={{.Nothing}}"] } } });
  expect(await asker.ask("/services/create", "POST", body)).toMatchObject({
    status: 400,
    body: {
      message: expect.stringMatching(
        /^invalid service: env\[0\]: template: column 3: \.Nothing is nothing that there is/,
      ) as string,
    },
  });
});
