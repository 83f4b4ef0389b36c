import { assert, type ErrorCode } from "@murmur/base";
import { beforeEach, describe, expect, it } from "vitest";
import { createApi, type Api } from "./app.ts";
import type { Node } from "./docker/node-types.ts";
import type { Service } from "./docker/service-types.ts";
import type { Info, Swarm, VersionInfo } from "./docker/swarm-types.ts";
import type { Task } from "./docker/task-types.ts";
import { fakeEngine, FakePorts } from "./testing/fake-ports.ts";
import { NODE_ONE, NODE_TWO } from "./testing/memory-cluster.ts";

let ports: FakePorts;
let api: Api;
beforeEach(() => {
  ports = FakePorts.onManualClock();
  api = createApi(ports);
});

interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

async function ask<T = { message: string }>(path: string, method = "GET", body?: unknown): Promise<Answer<T>> {
  const headers = { "content-type": "application/json" };
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body), headers };
  const response = await api.fetch(new Request(`http://x${path}`, init));
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: (text === "" ? undefined : parse(text)) as T };
}
const parse = (text: string): unknown => (/^[[{"]/.test(text) ? JSON.parse(text) : text);
const filters = (given: unknown): string => `filters=${encodeURIComponent(JSON.stringify(given))}`;

const spec = (name: string, more: object = {}) => ({
  Name: name,
  Labels: { tier: name },
  TaskTemplate: { ContainerSpec: { Image: "nginx" } },
  ...more,
});
async function create(name: string, more: object = {}): Promise<string> {
  const answer = await ask<{ ID: string }>("/services/create", "POST", spec(name, more));
  expect(answer.status).toBe(201);
  return answer.body.ID;
}
const inspect = async (id: string): Promise<Service> => (await ask<Service>(`/services/${id}`)).body;

function runTask(id: string, slot: number, serviceText: string): void {
  const service = ports.replica?.store.view.serviceByName(serviceText);
  assert(service !== undefined && ports.replica !== undefined, "the service is there");
  ports.replica.runTask(service, id, slot);
}

describe("versions", () => {
  it.each(["/_ping", "/v1.24/_ping", "/v1.47/_ping"])("answers %s with Docker's headers", async (path) => {
    const { status, headers, body } = await ask<string>(path);
    expect([status, body]).toEqual([200, "OK"]);
    expect(headers.get("api-version")).toBe("1.47");
    expect(headers.get("ostype")).toBe("linux");
    expect(headers.get("docker-experimental")).toBe("false");
    expect(headers.get("server")).toBe("Murmur/0.1.0 (linux)");
  });

  it.each([
    ["/v1.12/nodes", "client version 1.12 is too old. Minimum supported API version is 1.24"],
    ["/v1.48/nodes", "client version 1.48 is too new. Maximum supported API version is 1.47"],
  ])("refuses %s", async (path, message) => {
    const { status, body } = await ask(path);
    expect(status).toBe(400);
    expect(body.message).toContain(message);
  });

  it("shows the engine's version and its own", async () => {
    const { body } = await ask<VersionInfo>("/version");
    expect(body).toMatchObject({ Version: "20.10.24", ApiVersion: "1.47", MinAPIVersion: "1.24", Arch: "amd64" });
    expect(body.Components.map(({ Name }) => Name)).toEqual(["Engine", "Murmur"]);
  });
});

describe("info", () => {
  it("puts the cluster in the engine's answer", async () => {
    const { body } = await ask<Info>("/info");
    expect(body.ID).toBe("ENGI:NE");
    expect(body.Swarm).toMatchObject({
      NodeID: NODE_ONE,
      NodeAddr: "10.0.0.1",
      LocalNodeState: "active",
      ControlAvailable: true,
      Nodes: 2,
      Managers: 1,
      RemoteManagers: [{ NodeID: NODE_ONE, Addr: "10.0.0.1:7373" }],
    });
    expect(JSON.stringify(body)).not.toContain("first-secret");
  });

  it("answers without an engine, without a leader, and outside a cluster", async () => {
    const engine = fakeEngine();
    engine.down = true;
    ports = FakePorts.onManualClock(engine);
    api = createApi(ports);
    if (ports.replica !== undefined) ports.replica.leaderless = true;
    const { status, body } = await ask<Info>("/info");
    expect(status).toBe(200);
    expect(body.Warnings?.[0]).toContain("the engine doesn't answer");
    expect(body.Swarm.Nodes).toBe(2);
    ports.leave();
    expect((await ask<Info>("/info")).body.Swarm).toMatchObject({
      LocalNodeState: "inactive",
      NodeID: "",
      ControlAvailable: false,
    });
  });
});

describe("outside a cluster", () => {
  beforeEach(() => ports.leave());

  it.each(["/swarm", "/nodes", "/services", "/tasks", "/murmur/cluster", "/murmur/events", "/secrets"])(
    "%s is 503 in Docker's words",
    async (path) => {
      const { status, body, headers } = await ask(path);
      expect(status).toBe(503);
      expect(body.message).toContain("This node is not a swarm manager.");
      expect(headers.get("murmur-error-code")).toBe("not_in_cluster" satisfies ErrorCode);
    },
  );

  it("makes a cluster, Docker's way and Murmur's", async () => {
    expect((await ask<string>("/swarm/init", "POST", { AdvertiseAddr: "10.0.0.1" })).body).toBe(NODE_ONE);
    ports.leave();
    const made = await ask("/murmur/cluster/init", "POST", {
      advertiseAddr: "10.0.0.1",
      voters: 5,
      labels: { zone: "a" },
    });
    expect(made.body).toEqual({
      nodeId: NODE_ONE,
      address: "10.0.0.1:7373",
      joinToken: "MURMUR-1-digest-first-secret",
    });
    expect(ports.calls.at(-1)).toMatchObject({ advertiseAddr: "10.0.0.1", labels: { zone: "a" }, spec: { voters: 5 } });
    const twice = await ask("/murmur/cluster/init", "POST", {});
    expect([twice.status, twice.headers.get("murmur-error-code")]).toEqual([503, "already_in_cluster"]);
  });

  it("joins and leaves one", async () => {
    const bad = await ask("/murmur/node/join", "POST", { token: "x", addresses: [] });
    expect([bad.status, bad.body.message]).toEqual([400, "addresses: give the address of a node of the cluster"]);
    const joined = await ask("/murmur/node/join", "POST", { token: "x", addresses: ["10.0.0.1:7373"] });
    expect(joined.body).toEqual({ nodeId: NODE_ONE, address: "10.0.0.1:7373" });
    expect((await ask("/swarm/leave?force=1", "POST")).status).toBe(200);
    expect(ports.calls.at(-1)).toEqual({ force: true });
    expect((await ask("/murmur/cluster/leave", "POST", { force: false })).status).toBe(200);
    expect(ports.calls.at(-1)).toEqual({ force: false });
  });
});

describe("services", () => {
  it("are made, shown, listed, updated, rolled back and removed", async () => {
    const id = await create("web", { Mode: { Replicated: { Replicas: 2 } } });
    const service = await inspect("web");
    expect(service).toMatchObject({ ID: id, Spec: { Name: "web", Mode: { Replicated: { Replicas: 2 } } } });
    expect(service.CreatedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    const scaled = { ...service.Spec, Mode: { Replicated: { Replicas: 5 } } };
    const path = (version: number) => `/services/web/update?version=${String(version)}`;
    expect((await ask(path(service.Version.Index), "POST", scaled)).body).toEqual({ Warnings: null });
    const updated = await inspect(id.slice(0, 6));
    expect(updated.Spec.Mode).toEqual({ Replicated: { Replicas: 5 } });
    expect(updated.PreviousSpec?.Mode).toEqual({ Replicated: { Replicas: 2 } });

    const late = await ask(path(service.Version.Index), "POST", scaled);
    expect([late.status, late.headers.get("murmur-error-code")]).toEqual([500, "out_of_date"]);
    expect(late.body.message).toContain("update out of sequence");

    const back = await ask(`${path(updated.Version.Index)}&rollback=previous`, "POST", scaled);
    expect(back.status).toBe(200);
    expect((await inspect(id)).Spec.Mode).toEqual({ Replicated: { Replicas: 2 } });

    expect((await ask("/services/web", "DELETE")).status).toBe(200);
    expect((await ask("/services/web")).body).toEqual({ message: "service web not found" });
    expect((await ask(`/services/${id}`)).status).toBe(404);
    expect((await ask<Service[]>("/services")).body).toEqual([]);
  });

  it("refuses what Docker refuses, as Docker does", async () => {
    await create("web", { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 8080 }] } });
    const twice = await ask("/services/create", "POST", spec("web"));
    expect([twice.status, twice.body.message]).toEqual([
      409,
      expect.stringContaining("name conflicts with an existing object"),
    ]);
    const port = { EndpointSpec: { Ports: [{ TargetPort: 81, PublishedPort: 8080 }] } };
    const taken = await ask("/services/create", "POST", spec("other", port));
    expect([taken.status, taken.headers.get("murmur-error-code")]).toEqual([400, "port_conflict"]);
    expect((await ask("/services/web/update?version=x", "POST", spec("web"))).body.message).toContain(
      "invalid service version 'x'",
    );
    expect((await ask("/services/web/update?version=1&rollback=next", "POST", spec("web"))).status).toBe(400);
    expect((await ask("/services/nope/update?version=1", "POST", spec("nope"))).status).toBe(404);
    expect((await ask("/services/nope", "DELETE")).body.message).toBe("service nope not found");
    expect((await ask(`/services?${filters({ nope: ["x"] })}`)).body.message).toBe("invalid filter 'nope'");
    expect((await ask("/services?status=maybe")).body.message).toBe("invalid value for status: maybe");
    const version = (await inspect("web")).Version.Index;
    const renamed = await ask(`/services/web/update?version=${String(version)}`, "POST", spec("new"));
    expect([renamed.status, renamed.body.message]).toEqual([501, "renaming services is not supported"]);
  });

  it("tells an ambiguous id", async () => {
    await create("a");
    await create("b");
    const { status, body } = await ask("/services/id0");
    expect([status, body.message]).toEqual([400, "service id0 is ambiguous (2 matches found)"]);
  });

  it("names a service that has none", async () => {
    const id = await create("");
    expect((await inspect(id)).Spec.Name).toMatch(/^[a-z]+-[a-z]+$/);
  });

  it("doesn't take credentials that it can't pass on", async () => {
    const send = (auth: string) => {
      const headers = { "content-type": "application/json", "x-registry-auth": auth };
      const init = { method: "POST", body: JSON.stringify(spec(`s${String(auth.length)}`)), headers };
      return api.fetch(new Request("http://x/services/create", init));
    };
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    expect((await send(encode({ username: "u", password: "p" }))).status).toBe(400);
    expect((await send(encode({}))).status).toBe(201);
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
    await create("web");
    await create("db", { Mode: { Global: {} } });
    const { body } = await ask<Service[]>(`/services?${filters(given)}`);
    expect(body.map(({ Spec }) => Spec.Name)).toEqual(names);
  });

  it("counts tasks where asked for", async () => {
    await create("web", { Mode: { Replicated: { Replicas: 3 } } });
    runTask("task1", 1, "web");
    const [service] = (await ask<Service[]>("/services?status=true")).body;
    expect(service?.ServiceStatus).toEqual({ RunningTasks: 1, DesiredTasks: 3, CompletedTasks: 0 });
    expect((await ask<Service[]>("/services")).body[0]?.ServiceStatus).toBeUndefined();
  });

  it("shows a service that is being removed in no list, but still its tasks", async () => {
    const id = await create("web");
    runTask("task1", 1, "web");
    await ask("/services/web", "DELETE");
    expect((await ask<Service[]>("/services")).body).toEqual([]);
    expect((await ask<Task[]>(`/tasks?${filters({ service: [id] })}`)).body).toHaveLength(1);
  });
});

describe("tasks", () => {
  beforeEach(async () => {
    await create("web");
    await create("db");
    runTask("taskw1", 1, "web");
    runTask("taskd1", 1, "db");
  });

  it("are shown as Docker shows them", async () => {
    const { body } = await ask<Task>("/tasks/taskw");
    expect(body).toMatchObject({
      ID: "taskw1",
      Slot: 1,
      NodeID: NODE_ONE,
      DesiredState: "running",
      Status: {
        State: "running",
        Message: "started",
        ContainerStatus: { ContainerID: "f".repeat(64), PID: 42, ExitCode: 0 },
      },
      Spec: { ContainerSpec: { Image: "nginx" } },
      Murmur: { Name: "web.1.taskw1", ServiceName: "web" },
    });
    expect(body.NetworksAttachments?.[0]?.Network.Spec.Name).toBe("default");
  });

  it.each([
    [{ service: ["web"] }, ["taskw1"]],
    [{ service: ["web", "db"] }, ["taskw1", "taskd1"]],
    [{ node: ["alpha"] }, ["taskw1", "taskd1"]],
    [{ node: ["beta"] }, []],
    [{ name: ["web.1"] }, ["taskw1"]],
    [{ id: ["taskd"] }, ["taskd1"]],
    [{ label: ["tier=web"] }, ["taskw1"]],
    [{ "desired-state": ["Running"] }, ["taskw1", "taskd1"]],
    [{ "desired-state": ["shutdown"] }, []],
    [{ service: ["web"], "_up-to-date": ["true"] }, ["taskw1"]],
  ])("filters by %j", async (given, ids) => {
    const { body } = await ask<Task[]>(`/tasks?${filters(given)}`);
    expect(body.map(({ ID }) => ID)).toEqual(ids);
  });

  it("knows which are up to date", async () => {
    const service = await inspect("web");
    const path = `/services/web/update?version=${String(service.Version.Index)}`;
    await ask(path, "POST", { ...service.Spec, TaskTemplate: { ContainerSpec: { Image: "nginx:2" } } });
    expect((await ask<Task[]>(`/tasks?${filters({ service: ["web"], "_up-to-date": ["1"] })}`)).body).toEqual([]);
  });

  it.each([
    [`/tasks?${filters({ service: ["nope"] })}`, 404, "service nope not found"],
    [`/tasks?${filters({ node: ["nope"] })}`, 404, "node nope not found"],
    [`/tasks?${filters({ "desired-state": ["up"] })}`, 400, "Invalid desired-state filter: 'up'"],
    [`/tasks?filters=x`, 400, "invalid filter"],
    ["/tasks/nope", 404, "task nope not found"],
    ["/tasks/task", 400, "task task is ambiguous (2 matches found)"],
  ])("refuses %s", async (path, status, message) => {
    const answer = await ask(path);
    expect([answer.status, answer.body.message]).toEqual([status, message]);
  });
});

describe("nodes", () => {
  it.each([
    [{ name: ["al"] }, ["alpha"]],
    [{ id: ["n2"] }, ["beta"]],
    [{ role: ["manager"] }, ["alpha"]],
    [{ role: ["worker"] }, ["beta"]],
    [{ membership: ["accepted"] }, ["alpha", "beta"]],
    [{ membership: ["pending"] }, []],
    [{ label: ["storage=ssd"] }, ["alpha", "beta"]],
    [{ "node.label": ["zone"] }, []],
  ])("filters by %j", async (given, names) => {
    const { body } = await ask<Node[]>(`/nodes?${filters(given)}`);
    expect(body.map(({ Description }) => Description.Hostname)).toEqual(names);
  });

  it("are updated with the version that was read", async () => {
    const { body: node } = await ask<Node>("/nodes/beta");
    const path = `/nodes/beta/update?version=${String(node.Version.Index)}`;
    const drained = { ...node.Spec, Availability: "drain", Labels: { zone: "b" } };
    expect((await ask(path, "POST", drained)).status).toBe(200);
    expect((await ask<Node>(`/nodes/${NODE_TWO}`)).body.Spec).toMatchObject({
      Availability: "drain",
      Labels: { zone: "b" },
    });
    expect((await ask(path, "POST", drained)).body.message).toContain("update out of sequence");
    expect((await ask<Node[]>(`/nodes?${filters({ "node.label": ["zone=b"] })}`)).body).toHaveLength(1);
  });

  it("are removed only when down, or by force", async () => {
    expect((await ask("/nodes/beta", "DELETE")).status).toBe(400);
    expect((await ask("/nodes/beta?force=1", "DELETE")).status).toBe(200);
    expect((await ask("/nodes/beta")).body.message).toBe("node beta not found");
  });

  it.each(["role", "membership"])("refuses a wrong %s", async (name) => {
    expect((await ask(`/nodes?${filters({ [name]: ["x"] })}`)).body.message).toBe(`Invalid ${name} filter: 'x'`);
  });
});

describe("the cluster", () => {
  it("shows its tokens, and rotates them", async () => {
    const { body: swarm } = await ask<Swarm>("/swarm");
    expect(swarm.JoinTokens.Worker).toBe("MURMUR-1-digest-first-secret");
    const path = `/swarm/update?version=${String(swarm.Version.Index)}&rotateWorkerToken=true`;
    expect((await ask(path, "POST", swarm.Spec)).status).toBe(200);
    expect((await ask<Swarm>("/swarm")).body.JoinTokens.Manager).toBe("MURMUR-1-digest-secret-1");
    expect((await ask("/murmur/join-token/rotate", "POST")).body).toEqual({
      joinToken: "MURMUR-1-digest-secret-2",
      address: "10.0.0.1:7373",
    });
    expect((await ask("/murmur/join-token")).body).toMatchObject({ joinToken: "MURMUR-1-digest-secret-2" });
  });

  it("is updated, and keeps what a client doesn't know", async () => {
    const { body: swarm } = await ask<Swarm>("/swarm");
    const { Murmur: _murmur, ...known } = swarm.Spec;
    const path = `/swarm/update?version=${String(swarm.Version.Index)}`;
    expect((await ask(path, "POST", { ...known, Orchestration: { TaskHistoryRetentionLimit: 2 } })).status).toBe(200);
    expect((await ask<Swarm>("/swarm")).body.Spec).toMatchObject({
      Orchestration: { TaskHistoryRetentionLimit: 2 },
      Murmur: { Voters: 3 },
    });
  });

  it("sums itself up, with or without a leader", async () => {
    const { body } = await ask("/murmur/cluster");
    expect(body).toMatchObject({
      leader: NODE_ONE,
      term: 3,
      votersWanted: 3,
      managers: [{ id: NODE_ONE, hostname: "alpha", role: "leader", state: "ready" }],
      nodes: { total: 2, ready: 2 },
      thisNode: { id: NODE_ONE, address: "10.0.0.1:7373", manager: true },
    });
    if (ports.replica !== undefined) ports.replica.leaderless = true;
    expect((await ask("/murmur/cluster")).status).toBe(200);
    const refused = await ask("/services");
    expect([refused.status, refused.headers.get("murmur-error-code")]).toEqual([503, "no_leader"]);
    expect((await ask("/services?consistency=local")).status).toBe(200);
    expect((await ask("/services?consistency=eventual")).status).toBe(400);
  });

  it("says how it is", async () => {
    expect(await ask("/murmur/health")).toMatchObject({ status: 200, body: { status: "ok", problems: [] } });
    if (ports.replica !== undefined) ports.replica.leaderless = true;
    expect(await ask("/murmur/health")).toMatchObject({ status: 503, body: { status: "degraded" } });
    expect((await ask("/murmur/health?verdict=body")).status).toBe(200);
    expect((await ask<string>("/murmur/metrics")).body).toContain("murmur_up 1");
  });

  it("has networks beside the engine's", async () => {
    const { body } = await ask<{ Name: string }[]>("/networks");
    expect(body.map(({ Name }) => Name)).toEqual(["default", "bridge"]);
    expect((await ask("/networks/default")).body).toMatchObject({ Scope: "swarm", Name: "default" });
    expect((await ask("/networks/other")).status).toBe(404);
    expect((await ask<unknown[]>(`/networks?${filters({ scope: ["local"] })}`)).body).toHaveLength(1);
  });

  it("keeps no secrets yet and says so", async () => {
    expect((await ask("/secrets")).body).toEqual([]);
    expect((await ask("/secrets/create", "POST", { Name: "x" })).status).toBe(501);
    expect((await ask("/configs/x")).body.message).toBe("config x not found");
  });
});

describe("a node that is no manager", () => {
  beforeEach(() => {
    ports.replica = undefined;
  });

  it("hands requests on as they are, with their bodies, and streams the answer back", async () => {
    ports.forward = async (request) => {
      ports.forwarded.push(request);
      return new Response(request.body, { status: 201 });
    };
    const { status, body } = await ask("/v1.41/services/create?x=1", "POST", spec("web"));
    expect([status, body]).toEqual([201, spec("web")]);
    expect(ports.forwarded[0]?.url).toBe("http://x/v1.41/services/create?x=1");
  });

  it("says when it finds no manager", async () => {
    expect(await ask("/services")).toMatchObject({ status: 503, body: { message: "no manager can be reached" } });
  });

  it("answers what it was forwarded only from a replica", async () => {
    const response = await api.fetchForwarded(new Request("http://x/services"));
    expect(response.status).toBe(503);
    expect(ports.forwarded).toEqual([]);
  });

  it("fills in who was asked", async () => {
    const manager = createApi(FakePorts.onManualClock());
    ports.standing = { state: "active", nodeId: NODE_TWO, address: "10.0.0.2:7373", manager: false, managers: [] };
    ports.forward = (request) => manager.fetchForwarded(request);
    const { body } = await ask("/murmur/cluster");
    expect(body).toMatchObject({ leader: NODE_ONE, thisNode: { id: NODE_TWO, manager: false } });
  });
});

it.each([
  ["GET", "/v1.41/nodes/x", true],
  ["POST", "/services/create", true],
  ["GET", "/networks", true],
  ["GET", "/networks/x", true],
  ["POST", "/networks/create", false],
  ["DELETE", "/networks/x", false],
  ["GET", "/containers/json", false],
  ["POST", "/v1.47/build", false],
  ["GET", "/nodesx", false],
  ["GET", "/v1.41", false],
  ["GET", "/", false],
])("%s %s is Murmur's to answer: %s", (method, path, owned) => expect(api.owns(method, path)).toBe(owned));
