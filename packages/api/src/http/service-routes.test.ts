import { beforeEach, describe, expect, it } from "vitest";
import type { Service, ServiceCreated } from "../docker/service-types.ts";
import type { Task } from "../docker/task-types.ts";
import { Asker, filters, spec } from "../testing/asker.ts";

let asker: Asker;
beforeEach(() => {
  asker = new Asker();
});

describe("services", () => {
  it("are made, shown, listed, updated, rolled back and removed", async () => {
    const id = await asker.create("web", { Mode: { Replicated: { Replicas: 2 } } });
    const service = await asker.inspect("web");
    expect(service).toMatchObject({ ID: id, Spec: { Name: "web", Mode: { Replicated: { Replicas: 2 } } } });
    expect(service.CreatedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    const scaled = { ...service.Spec, Mode: { Replicated: { Replicas: 5 } } };
    const path = (version: number) => `/services/web/update?version=${String(version)}`;
    const { body } = await asker.ask(path(service.Version.Index), "POST", scaled);
    const updated = await asker.inspect(id.slice(0, 6));
    expect(body).toEqual({ Warnings: null, Murmur: { Version: updated.Version.Index } });
    expect(updated.Spec.Mode).toEqual({ Replicated: { Replicas: 5 } });
    expect(updated.PreviousSpec?.Mode).toEqual({ Replicated: { Replicas: 2 } });

    const late = await asker.ask(path(service.Version.Index), "POST", scaled);
    expect([late.status, late.headers.get("murmur-error-code")]).toEqual([500, "out_of_date"]);
    expect(late.body.message).toContain("update out of sequence");

    const back = await asker.ask(`${path(updated.Version.Index)}&rollback=previous`, "POST", scaled);
    expect(back.status).toBe(200);
    expect((await asker.inspect(id)).Spec.Mode).toEqual({ Replicated: { Replicas: 2 } });

    expect((await asker.ask("/services/web", "DELETE")).status).toBe(200);
    expect((await asker.ask("/services/web")).body).toEqual({ message: "service web not found" });
    expect((await asker.ask(`/services/${id}`)).status).toBe(404);
    expect((await asker.ask<Service[]>("/services")).body).toEqual([]);
  });

  it("keep their ports' options through an update by a client that doesn't know them", async () => {
    const Murmur = { HostIP: "10.0.0.1", Balancing: "source-hash" };
    const Ports = [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "ingress", Murmur }];
    await asker.create("web", { EndpointSpec: { Ports } });
    const { Spec, Version } = await asker.inspect("web");
    const known = Spec.EndpointSpec?.Ports?.map(({ Murmur: _murmur, ...port }) => port);
    const sent = { ...Spec, EndpointSpec: { ...Spec.EndpointSpec, Ports: known } };
    await asker.ask(`/services/web/update?version=${String(Version.Index)}`, "POST", sent);
    const updated = await asker.inspect("web");
    expect(updated.Version.Index).toBeGreaterThan(Version.Index);
    expect([updated.Spec.EndpointSpec?.Ports, updated.Endpoint.Ports]).toEqual([Ports, Ports]);
  });

  it("refuses what Docker refuses, as Docker does", async () => {
    await asker.create("web", { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 8080 }] } });
    const twice = await asker.ask("/services/create", "POST", spec("web"));
    expect([twice.status, twice.body.message]).toEqual([
      409,
      expect.stringContaining("name conflicts with an existing object"),
    ]);
    const port = { EndpointSpec: { Ports: [{ TargetPort: 81, PublishedPort: 8080 }] } };
    const taken = await asker.ask("/services/create", "POST", spec("other", port));
    expect([taken.status, taken.headers.get("murmur-error-code")]).toEqual([400, "port_conflict"]);
    expect((await asker.ask("/services/web/update?version=x", "POST", spec("web"))).body.message).toContain(
      "invalid service version 'x'",
    );
    expect((await asker.ask("/services/web/update?version=1&rollback=next", "POST", spec("web"))).status).toBe(400);
    expect((await asker.ask("/services/nope/update?version=1", "POST", spec("nope"))).status).toBe(404);
    expect((await asker.ask("/services/nope", "DELETE")).body.message).toBe("service nope not found");
    expect((await asker.ask(`/services?${filters({ nope: ["x"] })}`)).body.message).toBe("invalid filter 'nope'");
    expect((await asker.ask("/services?status=maybe")).body.message).toBe("invalid value for status: maybe");
    const version = (await asker.inspect("web")).Version.Index;
    const renamed = await asker.ask(`/services/web/update?version=${String(version)}`, "POST", spec("new"));
    expect([renamed.status, renamed.body.message]).toEqual([501, "renaming services is not supported"]);
  });

  it("tells an ambiguous id", async () => {
    await asker.create("a");
    await asker.create("b");
    const { status, body } = await asker.ask("/services/id0");
    expect([status, body.message]).toEqual([400, "service id0 is ambiguous (2 matches found)"]);
  });

  it("names a service that has none", async () => {
    const id = await asker.create("");
    expect((await asker.inspect(id)).Spec.Name).toMatch(/^[a-z]+-[a-z]+$/);
  });

  it("keeps a login sealed, shows nothing of it, and lets an update say whose it keeps", async () => {
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const send = async (path: string, auth?: unknown): Promise<Response> => {
      const header = auth === undefined ? {} : { "x-registry-auth": typeof auth === "string" ? auth : encode(auth) };
      const headers = { "content-type": "application/json", ...header };
      const init = { method: "POST", body: JSON.stringify(spec("shop")), headers };
      return asker.api.fetch(new Request(`http://x/services/${path}`, init));
    };
    const update = async (query: string, auth?: unknown): Promise<Response> =>
      send(`shop/update?version=${String((await asker.inspect("shop")).Version.Index)}${query}`, auth);
    const held = (): readonly (string | undefined)[] => {
      const service = asker.ports.replica?.store.view.serviceByName("shop");
      return [service?.registryAuth, service?.previousRegistryAuth];
    };
    expect((await send("create", "hunter2")).status).toBe(400);
    expect((await send("create", { username: "u", password: "hunter2" })).status).toBe(201);
    const [first] = held();
    expect(first).toMatch(/^[A-Za-z0-9+/]+=*$/);
    for (const secret of ["hunter2", encode({ username: "u", password: "hunter2" })]) {
      expect(Buffer.from(first ?? "", "base64").toString("latin1")).not.toContain(secret);
    }
    expect(JSON.stringify(await asker.inspect("shop"))).not.toContain(first);
    expect((await update("")).status).toBe(200);
    expect(held()).toEqual([first, first]);
    expect((await update("", { username: "u", password: "other" })).status).toBe(200);
    const [second] = held();
    expect(second).not.toBe(first);
    expect((await update("&registryAuthFrom=previous-spec")).status).toBe(200);
    expect(held()).toEqual([first, second]);
    expect((await update("&rollback=previous")).status).toBe(200);
    expect(held()).toEqual([second, first]);
    expect((await update("&registryAuthFrom=spec", {})).status).toBe(200);
    expect(held()).toEqual([undefined, second]);
    const wrong = await update("&registryAuthFrom=mine");
    expect([wrong.status, await wrong.json()]).toEqual([
      400,
      { message: "unsupported registryAuthFrom value: give spec or previous-spec" },
    ]);
  });

  it.each([
    [{ name: ["w"] }, ["web"]],
    [{ name: ["w", "d"] }, ["web", "db"]],
    [{ id: ["id002"] }, ["db"]],
    [{ label: ["tier=db"] }, ["db"]],
    [{ label: ["tier"] }, ["web", "db"]],
    [{ mode: ["global"] }, ["db"]],
    [{ mode: ["replicated", "global"] }, ["web", "db"]],
    [{ name: ["w"], mode: ["global"] }, []],
  ])("filters by %j", async (given, names) => {
    await asker.create("web");
    await asker.create("db", { Mode: { Global: {} } });
    const { body } = await asker.ask<Service[]>(`/services?${filters(given)}`);
    expect(body.map(({ Spec }) => Spec.Name)).toEqual(names);
  });

  it("counts tasks where asked for", async () => {
    await asker.create("web", { Mode: { Replicated: { Replicas: 3 } } });
    asker.runTask("task1", 1, "web");
    const [service] = (await asker.ask<Service[]>("/services?status=true")).body;
    expect(service?.ServiceStatus).toEqual({ RunningTasks: 1, DesiredTasks: 3, CompletedTasks: 0 });
    expect((await asker.ask<Service[]>("/services")).body[0]?.ServiceStatus).toBeUndefined();
  });

  it("takes a preference over what is no label as Docker does, and says that it comes to nothing", async () => {
    const over = (SpreadDescriptor: string) =>
      spec("web", {
        TaskTemplate: {
          ContainerSpec: { Image: "nginx" },
          Placement: { Preferences: [{ Spread: { SpreadDescriptor } }] },
        },
      });
    const made = await asker.ask<ServiceCreated>("/services/create", "POST", over("zone"));
    expect([made.status, made.body.Warnings]).toEqual([201, [expect.stringContaining("nothing is spread over zone")]]);
    const { Version } = (await asker.ask<Service>("/services/web")).body;
    const path = `/services/web/update?version=${String(Version.Index)}`;
    const changed = await asker.ask<ServiceCreated>(path, "POST", over("node.labels.zone"));
    expect([changed.status, changed.body.Warnings]).toEqual([200, null]);
  });

  it("shows a service that is being removed no more, but its tasks as long as they are there", async () => {
    const id = await asker.create("web");
    asker.runTask("task1", 1, "web");
    await asker.ask("/services/web", "DELETE");
    expect((await asker.ask<Service[]>("/services")).body).toEqual([]);
    expect((await asker.ask(`/tasks?${filters({ service: [id] })}`)).status).toBe(404);
    expect((await asker.ask<Task[]>("/tasks")).body).toHaveLength(1);
  });
});
