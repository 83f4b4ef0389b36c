import { ClusterError, MisdirectedError, type ErrorCode } from "@murmur/base";
import { beforeEach, describe, expect, it } from "vitest";
import { createApi } from "./app.ts";
import type { Info, Swarm, VersionInfo } from "./docker/swarm-types.ts";
import { isMisdirected } from "./error-status.ts";
import { Asker, filters, spec } from "./testing/asker.ts";
import { fakeEngine, FakePorts } from "./testing/fake-ports.ts";
import { MemoryCluster, NODE_ONE, NODE_TWO } from "./testing/memory-cluster.ts";

let asker: Asker;
beforeEach(() => {
  asker = new Asker();
});

describe("versions", () => {
  it.each(["/_ping", "/v1.24/_ping", "/v1.47/_ping"])("answers %s with Docker's headers", async (path) => {
    const { status, headers, body } = await asker.ask<string>(path);
    expect([status, body]).toEqual([200, "OK"]);
    expect(headers.get("api-version")).toBe("1.47");
    expect(headers.get("ostype")).toBe("linux");
    expect(headers.get("docker-experimental")).toBe("false");
    expect(headers.get("server")).toBe("Murmur/0.1.0 (linux)");
  });

  it("says that the engine is experimental, where it is", async () => {
    const engine = fakeEngine();
    engine.experimental = true;
    const { headers } = await new Asker(engine).ask<string>("/_ping");
    expect(headers.get("docker-experimental")).toBe("true");
  });

  it.each([
    ["/v1.12/nodes", "client version 1.12 is too old. Minimum supported API version is 1.24"],
    ["/v1.48/nodes", "client version 1.48 is too new. Maximum supported API version is 1.47"],
  ])("refuses %s", async (path, message) => {
    const { status, body } = await asker.ask(path);
    expect(status).toBe(400);
    expect(body.message).toContain(message);
  });

  it("shows the engine's version and its own", async () => {
    const { body } = await asker.ask<VersionInfo>("/version");
    expect(body).toMatchObject({ Version: "20.10.24", ApiVersion: "1.47", MinAPIVersion: "1.24", Arch: "amd64" });
    expect(body.Components.map(({ Name }) => Name)).toEqual(["Engine", "Murmur"]);
  });
});

describe("info", () => {
  it("puts the cluster in the engine's answer", async () => {
    const { body } = await asker.ask<Info>("/info");
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
    asker = new Asker(engine);
    if (asker.ports.replica !== undefined) asker.ports.replica.leaderless = true;
    const { status, body } = await asker.ask<Info>("/info");
    expect(status).toBe(200);
    expect(body.Warnings?.[0]).toContain("the engine doesn't answer");
    expect(body.Swarm.Nodes).toBe(2);
    asker.ports.leave();
    expect((await asker.ask<Info>("/info")).body.Swarm).toMatchObject({
      LocalNodeState: "inactive",
      NodeID: "",
      ControlAvailable: false,
    });
  });
});

describe("a node that takes up its place in the cluster", () => {
  beforeEach(() => {
    asker.ports.standing = { state: "joining", address: "10.0.0.1:7373" };
  });

  it("answers once it has", async () => {
    const asked = asker.ask<unknown[]>("/nodes");
    await asker.ports.clock.advance(10_000);
    asker.ports.standing = { state: "active", nodeId: NODE_ONE, address: "10.0.0.1:7373", manager: true, managers: [] };
    await asker.ports.clock.advance(50);
    expect((await asked).body).toHaveLength(2);
  });

  it("is not shown before it has started, but while it joins", async () => {
    expect((await asker.ask<Info>("/info")).body.Swarm.LocalNodeState).toBe("pending");
    asker.ports.standing = { state: "starting" };
    const asked = asker.ask<Info>("/info");
    await asker.ports.clock.advance(1_000);
    asker.ports.standing = { state: "active", nodeId: NODE_ONE, address: "10.0.0.1:7373", manager: true, managers: [] };
    await asker.ports.clock.advance(50);
    expect((await asked).body.Swarm.LocalNodeState).toBe("active");
  });

  it("says so when it takes too long", async () => {
    const asked = asker.ask("/nodes");
    await asker.ports.clock.advance(21_000);
    expect(await asked).toMatchObject({ status: 503, body: { message: expect.stringContaining("still joining") } });
  });
});

describe("outside a cluster", () => {
  beforeEach(() => asker.ports.leave());

  it.each(["/swarm", "/nodes", "/services", "/tasks", "/murmur/cluster", "/murmur/events", "/secrets"])(
    "%s is 503 in Docker's words",
    async (path) => {
      const { status, body, headers } = await asker.ask(path);
      expect(status).toBe(503);
      expect(body.message).toContain("This node is not a swarm manager.");
      expect(headers.get("murmur-error-code")).toBe("not_in_cluster" satisfies ErrorCode);
    },
  );

  it("makes a cluster, Docker's way and Murmur's", async () => {
    expect((await asker.ask<string>("/swarm/init", "POST", { AdvertiseAddr: "10.0.0.1" })).body).toBe(NODE_ONE);
    asker.ports.leave();
    const made = await asker.ask("/murmur/cluster/init", "POST", {
      advertiseAddr: "10.0.0.1",
      voters: 5,
      strategy: "binpack",
      labels: { zone: "a" },
    });
    expect(made.body).toEqual({
      nodeId: NODE_ONE,
      address: "10.0.0.1:7373",
      joinToken: "MURMUR-1-digest-first-secret",
    });
    expect(asker.ports.calls.at(-1)).toMatchObject({
      advertiseAddr: "10.0.0.1",
      labels: { zone: "a" },
      spec: { voters: 5, strategy: "binpack" },
    });
    expect((await asker.ask<Swarm>("/swarm")).body.Murmur).toEqual({ DataPlane: "ports" });
    const odd = await asker.ask("/murmur/cluster/init", "POST", { strategy: "random" });
    expect([odd.status, odd.body.message]).toEqual([400, "strategy: must be one of spread, binpack"]);
    const twice = await asker.ask("/murmur/cluster/init", "POST", {});
    expect([twice.status, twice.headers.get("murmur-error-code")]).toEqual([503, "already_in_cluster"]);
  });

  it("says that a cluster is made once its node is shown as the manager that it is", async () => {
    const begin = asker.ports.node.init;
    asker.ports.node.init = async (request) => {
      await begin(request);
      asker.ports.replica?.apply({ kind: "setRaftRoles", roles: {} });
    };
    const made = asker.ask<string>("/swarm/init", "POST", { AdvertiseAddr: "10.0.0.1" });
    let answered = false;
    void made.then(() => (answered = true));
    await asker.ports.clock.advance(1_000);
    expect(answered).toBe(false);
    asker.ports.replica?.apply({ kind: "setRaftRoles", roles: { [NODE_ONE]: "voter" } });
    for (let step = 0; step < 4; step += 1) await asker.ports.clock.advance(25);
    expect((await made).body).toBe(NODE_ONE);
  });

  it("goes on alone with what it has when a new cluster is forced, at the address that it has", async () => {
    await asker.ask("/swarm/init", "POST", {});
    const forced = { ForceNewCluster: true, AdvertiseAddr: "10.0.0.1:7373" };
    expect((await asker.ask<string>("/swarm/init", "POST", forced)).body).toBe(NODE_ONE);
    expect(asker.ports.calls.at(-1)).toEqual({ force: true });
    const moved = await asker.ask("/swarm/init", "POST", { ForceNewCluster: true, AdvertiseAddr: "10.0.0.9" });
    expect([moved.status, moved.body.message]).toEqual([400, expect.stringContaining("this node's address, 10.0.0.1")]);
  });

  it("refuses to listen at an address that is empty, as Docker does", async () => {
    expect((await asker.ask("/swarm/init", "POST", { ListenAddr: "" })).status).toBe(400);
  });

  it("waits for no engine that doesn't say what it is", async () => {
    const begin = asker.ports.node.init;
    asker.ports.node.init = async (request) => {
      await begin(request);
      const engine = { state: "down" as const, message: "it is down" };
      asker.ports.replica?.apply({ kind: "describeNode", id: NODE_ONE, engine });
    };
    const made = asker.ask<string>("/swarm/init", "POST", { AdvertiseAddr: "10.0.0.1" });
    for (let second = 0; second < 10; second += 1) await asker.ports.clock.advance(1_000);
    expect((await made).status).toBe(200);
  });

  it("makes one of the overlay data plane, with a pool of its own", async () => {
    const plane = { dataPlane: "overlay", defaultAddrPool: ["10.20.0.0/16", "10.30.0.0/16"], subnetSize: 22 };
    expect((await asker.ask("/murmur/cluster/init", "POST", plane)).status).toBe(200);
    const addressPool = { subnet: "10.20.0.0/16", further: ["10.30.0.0/16"], subnetLength: 22 };
    expect(asker.ports.calls.at(-1)).toMatchObject({ dataPlane: "overlay", addressPool });
    expect((await asker.ask<Swarm>("/swarm")).body).toMatchObject({
      Murmur: { DataPlane: "overlay" },
      DefaultAddrPool: ["10.20.0.0/16", "10.30.0.0/16"],
      SubnetSize: 22,
    });
    expect((await asker.ask<Info>("/info")).body.Swarm.Cluster?.Murmur).toEqual({ DataPlane: "overlay" });
  });

  it("says that a manager has joined once it is one, and waits for no other node", async () => {
    const replica = new MemoryCluster();
    asker.ports.replica = replica;
    const join = () => asker.ask("/swarm/join", "POST", { JoinToken: "x", RemoteAddrs: ["10.0.0.2:7373"] });
    replica.apply({ kind: "setRaftRoles", roles: { [NODE_TWO]: "voter" } });
    expect((await join()).status).toBe(200);
    asker.ports.leave();
    asker.ports.replica = replica;
    for (const id of [NODE_ONE, NODE_TWO]) {
      const { version = 0 } = replica.store.view.node(id) ?? {};
      const spec = { labels: {}, availability: "active", pinnedRole: "manager" } as const;
      replica.apply({ kind: "updateNode", id, version, spec });
    }
    const joined = join();
    let answered = false;
    void joined.then(() => (answered = true));
    await asker.ports.clock.advance(1_000);
    expect(answered).toBe(false);
    replica.apply({ kind: "setRaftRoles", roles: { [NODE_ONE]: "learner", [NODE_TWO]: "voter" } });
    for (let step = 0; step < 4; step += 1) await asker.ports.clock.advance(50);
    expect((await joined).status).toBe(200);
  });

  it("is shown as a worker where it was made one by hand", async () => {
    await asker.ask("/swarm/init", "POST", {});
    const replica = asker.ports.replica ?? new MemoryCluster();
    const { version = 0 } = replica.store.view.node(NODE_ONE) ?? {};
    const spec = { labels: {}, availability: "active", pinnedRole: "worker" } as const;
    replica.apply({ kind: "updateNode", id: NODE_ONE, version, spec });
    expect((await asker.ask<Info>("/info")).body.Swarm).toMatchObject({ ControlAvailable: false, Nodes: 2 });
  });

  it("joins and leaves one", async () => {
    const bad = await asker.ask("/murmur/node/join", "POST", { token: "x", addresses: [] });
    expect([bad.status, bad.body.message]).toEqual([400, "addresses: give the address of a node of the cluster"]);
    const joined = await asker.ask("/murmur/node/join", "POST", { token: "x", addresses: ["10.0.0.1:7373"] });
    expect(joined.body).toEqual({ nodeId: NODE_ONE, address: "10.0.0.1:7373" });
    expect((await asker.ask("/swarm/leave?force=1", "POST")).status).toBe(200);
    expect(asker.ports.calls.at(-1)).toEqual({ force: true });
    expect((await asker.ask("/murmur/cluster/leave", "POST", { force: false })).status).toBe(200);
    expect(asker.ports.calls.at(-1)).toEqual({ force: false });
  });
});

describe("the cluster", () => {
  it("shows its tokens, and rotates them", async () => {
    const { body: swarm } = await asker.ask<Swarm>("/swarm");
    expect(swarm.JoinTokens.Worker).toBe("MURMUR-1-digest-first-secret");
    const path = `/swarm/update?version=${String(swarm.Version.Index)}&rotateWorkerToken=true`;
    expect((await asker.ask(path, "POST", swarm.Spec)).status).toBe(200);
    expect((await asker.ask<Swarm>("/swarm")).body.JoinTokens).toEqual({
      Worker: "MURMUR-1-digest-secret-1",
      Manager: "MURMUR-1-digest-first-secret",
    });
    expect((await asker.ask("/murmur/join-token/rotate", "POST")).body).toEqual({
      joinToken: "MURMUR-1-digest-secret-2",
      address: "10.0.0.1:7373",
    });
    expect((await asker.ask("/murmur/join-token")).body).toMatchObject({ joinToken: "MURMUR-1-digest-secret-2" });
  });

  it("is updated, and keeps what a client doesn't know", async () => {
    const { body: swarm } = await asker.ask<Swarm>("/swarm");
    const { Murmur: _murmur, ...known } = swarm.Spec;
    const path = `/swarm/update?version=${String(swarm.Version.Index)}`;
    expect((await asker.ask(path, "POST", { ...known, Orchestration: { TaskHistoryRetentionLimit: 2 } })).status).toBe(
      200,
    );
    expect((await asker.ask<Swarm>("/swarm")).body.Spec).toMatchObject({
      Orchestration: { TaskHistoryRetentionLimit: 2 },
      Murmur: { Voters: 3 },
    });
  });

  it("sums itself up, with or without a leader", async () => {
    const { body } = await asker.ask("/murmur/cluster");
    expect(body).toMatchObject({
      leader: NODE_ONE,
      term: 3,
      generation: 0,
      votersWanted: 3,
      strategy: "spread",
      dataPlane: "ports",
      managers: [{ id: NODE_ONE, hostname: "alpha", role: "leader", state: "ready" }],
      nodes: { total: 2, ready: 2 },
      thisNode: { id: NODE_ONE, address: "10.0.0.1:7373", manager: true },
    });
    if (asker.ports.replica !== undefined) asker.ports.replica.leaderless = true;
    expect((await asker.ask("/murmur/cluster")).status).toBe(200);
    const refused = await asker.ask("/services");
    expect([refused.status, refused.headers.get("murmur-error-code")]).toEqual([503, "no_leader"]);
    expect((await asker.ask("/services?consistency=local")).status).toBe(200);
    expect((await asker.ask("/services?consistency=eventual")).status).toBe(400);
  });

  it("says how it is", async () => {
    expect(await asker.ask("/murmur/health")).toMatchObject({ status: 200, body: { status: "ok", problems: [] } });
    if (asker.ports.replica !== undefined) asker.ports.replica.leaderless = true;
    expect(await asker.ask("/murmur/health")).toMatchObject({ status: 503, body: { status: "degraded" } });
    expect((await asker.ask("/murmur/health?verdict=body")).status).toBe(200);
    const before = { apiVersion: "1.41", builderVersion: "1", experimental: false, osType: "linux" };
    asker.engine.facts = () => Promise.resolve({ ...before, answers: false });
    expect(await asker.ask("/murmur/health")).toMatchObject({
      body: { problems: expect.arrayContaining(["the container engine doesn't answer"]) as unknown },
    });
    expect((await asker.ask<string>("/murmur/metrics")).body).toContain("murmur_up 1");
  });

  it("says what is wrong with the nodes' data planes, and has it mended", async () => {
    const differences = [{ where: "host", what: "the bridge is missing", mended: false }];
    const report = (body: typeof differences): unknown => ({ nodes: [expect.objectContaining({ differences: body })] });
    expect((await asker.ask("/murmur/doctor")).body).toEqual(report(differences));
    const { body } = await asker.ask("/murmur/doctor/repair", "POST");
    expect(body).toEqual(report(differences.map((difference) => ({ ...difference, mended: true }))));
    expect((await asker.ask("/murmur/doctor?node=alpha&node=beta")).body).toMatchObject({
      nodes: [{ hostname: "alpha,beta" }],
    });
    const many = "node=x&".repeat(257);
    expect((await asker.ask(`/murmur/doctor?${many}`)).status).toBe(400);
  });

  it("has networks beside the engine's", async () => {
    const { body } = await asker.ask<{ Name: string }[]>("/networks");
    expect(body.map(({ Name }) => Name)).toEqual(["default", "ingress", "bridge"]);
    expect((await asker.ask("/networks/default")).body).toMatchObject({ Scope: "swarm", Name: "default" });
    expect((await asker.ask("/networks/other")).status).toBe(404);
    expect((await asker.ask<unknown[]>(`/networks?${filters({ scope: ["local"] })}`)).body).toHaveLength(1);
  });
});

describe("a node whose manager is taken out while it answers", () => {
  const ask = async (path: string, method = "GET", others?: Error) => {
    const { replica } = asker.ports;
    if (replica === undefined) throw new Error("it is a manager");
    const stopping = (): never => {
      throw new MisdirectedError("this manager is stopping; ask another one");
    };
    Object.assign(replica, { read: async () => stopping(), submit: async () => stopping() });
    asker.ports.forward = async (request) => {
      if (others !== undefined) throw others;
      if (request.body === null) return Response.json([]);
      expect(await request.json()).toEqual(spec("web"));
      return Response.json({ ID: "x".repeat(25), Warnings: null }, { status: 201 });
    };
    return asker.ask<unknown>(path, method, method === "GET" ? undefined : spec("web"));
  };

  it("has another one answer, and do, what it is asked", async () => {
    expect(await ask("/services")).toMatchObject({ status: 200, body: [] });
    expect(await ask("/services/create", "POST")).toMatchObject({ status: 201, body: { ID: "x".repeat(25) } });
  });

  it("says so where no other can be asked, and what is wrong where one was", async () => {
    const nobody = new ClusterError("unavailable", "no manager is known");
    const stopping = { status: 503, body: { message: "this manager is stopping; ask another one" } };
    expect(await ask("/services/create", "POST", nobody)).toMatchObject(stopping);
    asker = new Asker();
    const lost = new ClusterError("timeout", "it may have done it: look before you repeat it");
    expect(await ask("/services/create", "POST", lost)).toMatchObject({ status: 504, body: { message: lost.message } });
  });

  it("is told by one that was forwarded the request, too: it asks the next", async () => {
    await ask("/services");
    const request = new Request("http://x/services");
    expect(isMisdirected(await createApi(asker.ports).fetchForwarded(request))).toBe(true);
  });
});

describe("a node that is no manager", () => {
  beforeEach(() => {
    asker.ports.replica = undefined;
  });

  it("hands requests on as they are, with their bodies, and streams the answer back", async () => {
    asker.ports.forward = async (request) => {
      asker.ports.forwarded.push(request);
      return new Response(request.body, { status: 201 });
    };
    const { status, body } = await asker.ask("/v1.41/services/create?x=1", "POST", spec("web"));
    expect([status, body]).toEqual([201, spec("web")]);
    expect(asker.ports.forwarded[0]?.url).toBe("http://x/v1.41/services/create?x=1");
  });

  it("says when it finds no manager", async () => {
    expect(await asker.ask("/services")).toMatchObject({ status: 503, body: { message: "no manager can be reached" } });
  });

  it("answers what it was forwarded only from a replica", async () => {
    const response = await asker.api.fetchForwarded(new Request("http://x/services"));
    expect(response.status).toBe(503);
    expect(asker.ports.forwarded).toEqual([]);
  });

  it("gives a backup to its own users only, and names the managers to others", async () => {
    const manager = new Asker();
    expect((await manager.api.fetch(new Request("http://x/murmur/cluster/backup"))).status).toBe(200);
    asker.ports.forward = (request) => manager.api.fetchForwarded(request);
    for (const path of ["/murmur/cluster/backup", "/v1.41/murmur/cluster/backup"]) {
      expect(await asker.ask(path)).toMatchObject({
        status: 403,
        body: {
          message: expect.stringMatching(
            /holds the cluster's keys, which only managers have: take it on one .*\(alpha\)/,
          ),
        },
      });
    }
  });

  it("fills in who was asked", async () => {
    const manager = createApi(FakePorts.onManualClock());
    asker.ports.standing = {
      state: "active",
      nodeId: NODE_TWO,
      address: "10.0.0.2:7373",
      manager: false,
      managers: [],
    };
    asker.ports.forward = (request) => manager.fetchForwarded(request);
    const { body } = await asker.ask("/murmur/cluster");
    expect(body).toMatchObject({ leader: NODE_ONE, thisNode: { id: NODE_TWO, manager: false } });
  });
});

it.each([
  ["GET", "/v1.41/nodes/x", true],
  ["POST", "/services/create", true],
  ["GET", "/networks", true],
  ["GET", "/networks/x", true],
  ["POST", "/networks/create", true],
  ["POST", "/networks/prune", true],
  ["DELETE", "/networks/x", true],
  ["POST", "/networks/x/connect", true],
  ["DELETE", "/networks/x/y", false],
  ["HEAD", "/networks", false],
  ["POST", "/v1.47/volumes/prune", true],
  ["DELETE", "/volumes/prune", false],
  ["POST", "/volumes/create", false],
  ["GET", "/volumes", false],
  ["GET", "/containers/json", true],
  ["GET", "/containers/create", false],
  ["POST", "/v1.47/build", false],
  ["GET", "/nodesx", false],
  ["GET", "/v1.41", false],
  ["GET", "/", false],
])("%s %s is Murmur's to answer: %s", (method, path, owned) => expect(asker.api.owns(method, path)).toBe(owned));
