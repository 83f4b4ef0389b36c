import { beforeEach, describe, expect, it } from "vitest";
import { createApi } from "../app.ts";
import type { NetworkResource, NetworksPruned } from "../docker/network-types.ts";
import type { Task } from "../docker/task-types.ts";
import { Asker, filters } from "../testing/asker.ts";
import { FakePorts } from "../testing/fake-ports.ts";
import { MemoryCluster, NODE_TWO } from "../testing/memory-cluster.ts";

let asker: Asker;
beforeEach(() => {
  asker = new Asker();
});

const post = (name: string): Request =>
  new Request("http://x/networks/create", {
    method: "POST",
    body: JSON.stringify(overlay(name)),
    headers: { "content-type": "application/json" },
  });
const MTU = "com.docker.network.driver.mtu";
const overlay = (name: string, more: object = {}) => ({ Name: name, Driver: "overlay", ...more });

/** Makes a network; its id. */
async function create(name: string, more: object = {}): Promise<string> {
  const { status, body } = await asker.ask<{ Id: string }>("/networks/create", "POST", overlay(name, more));
  expect(status).toBe(201);
  return body.Id;
}

const inUse = async (name: string): Promise<void> => {
  const TaskTemplate = { ContainerSpec: { Image: "nginx" }, Networks: [{ Target: name, Aliases: ["www"] }] };
  await asker.create(`in-${name}`, { TaskTemplate });
  asker.runTask(`taskof${name}`, 1, `in-${name}`);
};

describe("making networks", () => {
  it("of the cluster", async () => {
    const id = await create("back", { Labels: { team: "shop" }, Attachable: true });
    expect((await asker.ask("/networks/back")).body).toMatchObject({
      Id: id,
      Labels: { team: "shop" },
      Attachable: true,
    });
    expect(await asker.ask("/networks/create", "POST", overlay("back"))).toMatchObject({
      status: 409,
      body: { message: "network with name back already exists" },
    });
    expect(await asker.ask("/v1.41/networks/create", "POST", { Name: "by-scope", Scope: "swarm" })).toMatchObject({
      status: 201,
    });
    expect(asker.engine.sent).toEqual([]);
  });

  it("of the cluster is refused where it can't be had", async () => {
    const refused = await asker.ask("/networks/create", "POST", overlay("x", { Options: { encrypted: "" } }));
    expect([refused.status, refused.body.message]).toEqual([400, expect.stringContaining("Options.encrypted")]);
    asker.ports.leave();
    expect((await asker.ask("/networks/create", "POST", overlay("x"))).status).toBe(503);
  });

  it("with what needs addresses is refused in a cluster whose networks have none", async () => {
    const IPAM = { Config: [{ Subnet: "10.9.0.0/24" }] };
    const more = { IPAM, EnableIPv6: true, Internal: true, Options: { "com.docker.network.driver.mtu": "1400" } };
    const { status, body } = await asker.ask("/networks/create", "POST", overlay("x", more));
    expect(status).toBe(400);
    expect(body.message).toBe(
      "IPAM.Config, EnableIPv6, Options.com.docker.network.driver.mtu, Internal: this cluster's data plane is ports: " +
        "networks have no addresses of their own; leave it out, or start a cluster with the data plane overlay",
    );
    asker.ports.replica = new MemoryCluster({ dataPlane: "overlay" });
    await create("x", more);
  });

  it("of either is refused while the other has one of the name", async () => {
    await create("back");
    const taken = (name: string) => ({ status: 409, body: { message: `network with name ${name} already exists` } });
    expect(await asker.ask("/networks/create", "POST", { Name: "back", Driver: "bridge" })).toMatchObject(
      taken("back"),
    );
    expect(asker.engine.sent).toEqual([]);
    for (const text of ["own", "ow"])
      asker.engine.answers.set(`/networks/${text}`, { Id: "o".repeat(64), Name: "own" });
    expect(await asker.ask("/networks/create", "POST", overlay("own"))).toMatchObject(taken("own"));
    await create("ow");
    asker.engine.answers.set("/networks/none", { Id: "n".repeat(64), Name: "none" });
    expect((await asker.ask("/networks/create", "POST", overlay("none"))).status).toBe(403);
    expect((await asker.ask("/networks/create", "POST", { Name: "bac", Driver: "bridge" })).status).toBe(201);
  });

  it("of the engine is the engine's, to the last byte", async () => {
    for (const body of ['{ "Name" : "local",\n"Driver":"bridge" , "Odd": 1.0 }', "{no JSON", "", '"overlay"']) {
      const init = { method: "POST", body, headers: { "content-type": "application/json; charset=utf-8" } };
      const response = await asker.api.fetch(new Request("http://x/v1.41/networks/create?a=b", init));
      expect(response.status).toBe(201);
      expect(await response.json()).toMatchObject({ Id: "e".repeat(64) });
      expect(asker.engine.sent.at(-1)).toEqual({
        method: "POST",
        path: "/v1.41/networks/create?a=b",
        contentType: "application/json; charset=utf-8",
        body,
      });
    }
  });
});

describe("finding networks", () => {
  it("shows what the node's engine has in its side of one", async () => {
    const id = await create("back");
    const containers = async () => (await asker.ask<NetworkResource>("/networks/back")).body.Containers;
    expect(await containers()).toBeNull();
    asker.engine.networks.push({ label: `io.murmur.network=${id}`, Name: "murmur.back.abc" });
    const Containers = { c1: { Name: "web.1", EndpointID: "e", IPv4Address: "10.9.0.2/24", IPv6Address: "" } };
    asker.engine.answers.set("/networks/murmur.back.abc", { Name: "murmur.back.abc", Containers });
    expect(await containers()).toEqual(Containers);
    asker.engine.down = true;
    expect(await containers()).toBeNull();
  });

  it("lists no engine's side of one beside it, but for who asks for its label", async () => {
    const id = await create("back");
    const side = { Name: "murmur.back.abc", Labels: { "io.murmur.network": id } };
    asker.engine.networks.push(side, { Name: "mine", Labels: { a: "b" } });
    const names = async (query: string): Promise<readonly string[]> =>
      (await asker.ask<NetworkResource[]>(`/networks?${query}`)).body.map(({ Name }) => Name);
    expect(await names("")).toEqual(["default", "back", "ingress", "bridge", "mine"]);
    const asked = filters({ label: [`io.murmur.network=${id}`] });
    Object.assign(side, { label: `io.murmur.network=${id}` });
    expect(await names(asked)).toEqual(["murmur.back.abc"]);
    asker.ports.leave();
    expect(await names("")).toEqual(["bridge", "murmur.back.abc", "mine"]);
  });

  it("goes by id, name and the beginning of an id, the cluster's before the engine's", async () => {
    const id = await create("back");
    for (const text of [id, "back", id.slice(0, 4)])
      expect((await asker.ask<NetworkResource>(`/networks/${text}`)).body.Id).toBe(id);
    expect((await asker.ask<NetworkResource>("/networks/bridge")).body.Scope).toBe("local");
    await create("other");
    const { status, body } = await asker.ask("/networks/id0");
    expect([status, body.message]).toEqual([400, "network id0 is ambiguous (2 matches found based on ID prefix)"]);
  });

  it("doesn't take the name of an engine's network for the beginning of an id", async () => {
    const ports = FakePorts.onManualClock(asker.engine);
    const newId = () => "bridgexxxxxxxxxxxxxxxxxxx";
    const api = createApi(Object.assign(ports, { newId }));
    expect((await api.fetch(post("back"))).status).toBe(201);
    expect(await (await api.fetch(new Request("http://x/networks/bridge"))).json()).toMatchObject({ Scope: "local" });
    const found = await (await api.fetch(new Request("http://x/networks/b"))).json();
    expect(found).toEqual({ message: "network b is ambiguous (2 matches found based on ID prefix)" });
    expect(await (await api.fetch(new Request("http://x/networks/bri"))).json()).toMatchObject({ Name: "back" });
  });

  it("are told apart by whether something is in them", async () => {
    await create("back");
    await create("idle");
    await inUse("back");
    const names = async (dangling: readonly string[]): Promise<readonly string[]> =>
      (await asker.ask<NetworkResource[]>(`/networks?${filters({ dangling, scope: ["swarm"] })}`)).body
        .map(({ Name, Scope }) => (Scope === "swarm" ? Name : ""))
        .filter((name) => name !== "");
    // The default one stays, whatever is in it.
    expect([await names(["true"]), await names(["0"])]).toEqual([["idle"], ["default", "back", "ingress"]]);
    expect(await asker.ask(`/networks?${filters({ dangling: ["perhaps"] })}`)).toMatchObject({
      status: 400,
      body: { message: "invalid filter 'dangling=[perhaps]': it takes true or false, once" },
    });
  });

  it("works without a leader, from what a replica has", async () => {
    if (asker.ports.replica !== undefined) asker.ports.replica.leaderless = true;
    expect((await asker.ask<NetworkResource[]>("/networks")).body.map(({ Name }) => Name)).toEqual([
      "default",
      "ingress",
      "bridge",
    ]);
    expect((await asker.ask("/networks/default")).status).toBe(200);
  });

  it("shows services and tasks where it is asked for", async () => {
    await create("back");
    await inUse("back");
    expect((await asker.ask<NetworkResource>("/networks/back")).body.Services).toBeUndefined();
    expect((await asker.ask<NetworkResource>("/networks/back?verbose=true")).body.Services).toEqual({
      "in-back": {
        VIP: "",
        Ports: [],
        LocalLBIndex: 0,
        Tasks: [
          {
            Name: "in-back.1.taskofback",
            EndpointID: "taskofback",
            EndpointIP: "10.0.0.1",
            Info: { "Host IP": "10.0.0.1" },
          },
        ],
      },
    });
    expect((await asker.ask<NetworkResource>("/networks/back?verbose=true")).body.Peers).toEqual([
      { Name: "alpha", IP: "10.0.0.1" },
    ]);
    expect((await asker.ask<NetworkResource>("/networks/default?verbose=true")).body.Peers).toBeUndefined();
    expect((await asker.ask("/networks/back?verbose=perhaps")).status).toBe(400);
  });
});

describe("the nodes' own networks", () => {
  it("are found where networks of the swarm are meant, and by id; else the engine's is", async () => {
    const { body } = await asker.ask<NetworkResource>("/networks/host?scope=swarm");
    expect(body).toMatchObject({ Name: "host", Driver: "host", Scope: "swarm", Ingress: false, Containers: null });
    expect(body.Labels).toEqual({ "com.docker.swarm.predefined": "true" });
    expect((await asker.ask(`/networks/${body.Id}`)).body).toEqual(body);
    expect(asker.engine.sent).toEqual([]);
    await asker.ask("/networks/host");
    expect(asker.engine.sent).toMatchObject([{ path: "/networks/host" }]);
    const names = async (more: string) =>
      (await asker.ask<NetworkResource[]>(`/networks?${more}`)).body.map((n) => n.Name);
    expect(await names(filters({ scope: ["swarm"] }))).not.toContain("host");
    expect(await names(`nodeNetworks=true&${filters({ scope: ["swarm"] })}`)).toContain("host");
    asker.ports.leave();
    expect((await asker.ask("/networks/host?scope=swarm")).body).not.toEqual(body);
  });

  it.each(["host", "bridge", "none"])("take services: %s", async (name) => {
    const TaskTemplate = { ContainerSpec: { Image: "nginx" }, Networks: [{ Target: name }] };
    await asker.create("own", { TaskTemplate });
    const { body: network } = await asker.ask<NetworkResource>(`/networks/${name}?scope=swarm`);
    const { Spec, Endpoint } = await asker.inspect("own");
    expect(Spec.TaskTemplate.Networks).toEqual([{ Target: network.Id }]);
    expect(Endpoint.VirtualIPs).toEqual([{ NetworkID: network.Id }]);
    asker.runTask("taskofown", 1, "own");
    const { NetworksAttachments: attachments } = (await asker.ask<Task>("/tasks/taskofown")).body;
    const Spec2 = { Name: name, Labels: network.Labels, DriverConfiguration: { Name: network.Driver }, Scope: "swarm" };
    expect(attachments?.[0]).toMatchObject({ Network: { ID: network.Id, Spec: Spec2 } });
    expect(attachments?.[0]).not.toHaveProperty("Addresses");
  });
});

describe("the ingress network", () => {
  it("is shown, removed and made again as in Docker", async () => {
    const { body } = await asker.ask<NetworkResource>("/networks/ingress");
    expect(body).toMatchObject({ Name: "ingress", Ingress: true, Scope: "swarm", Driver: "overlay" });
    const second = await asker.ask("/networks/create", "POST", overlay("second", { Ingress: true }));
    expect([second.status, second.body.message]).toEqual([409, expect.stringContaining("is already present")]);
    const EndpointSpec = { Ports: [{ TargetPort: 80, PublishedPort: 8080 }] };
    await asker.create("web", { EndpointSpec });
    const held = await asker.ask("/networks/ingress", "DELETE");
    expect([held.status, held.body.message]).toEqual([
      400,
      expect.stringContaining("ingress network cannot be removed"),
    ]);
    await asker.ask("/services/web", "DELETE");
    expect((await asker.ask("/networks/ingress", "DELETE")).status).toBe(204);
    const names = async () => (await asker.ask<NetworkResource[]>("/networks")).body.map(({ Name }) => Name);
    expect(await names()).toEqual(["default", "bridge"]);
    const TaskTemplate = { ContainerSpec: { Image: "nginx" } };
    const refused = await asker.ask("/services/create", "POST", { Name: "web", TaskTemplate, EndpointSpec });
    expect([refused.status, refused.body.message]).toEqual([
      400,
      expect.stringContaining("service needs ingress network, but no ingress network is present"),
    ]);
    for (const more of [{ Attachable: true }, { Internal: true }, { Options: { [MTU]: "1400" } }])
      expect((await asker.ask("/networks/create", "POST", overlay("again", { Ingress: true, ...more }))).status).toBe(
        400,
      );
    await create("again", { Ingress: true, Labels: { a: "b" } });
    expect((await asker.ask("/networks/again")).body).toMatchObject({ Ingress: true, Labels: { a: "b" } });
    expect((await asker.ask<NetworksPruned>("/networks/prune", "POST")).body.NetworksDeleted).toEqual(["old-local"]);
    expect(await names()).toEqual(["default", "again", "bridge"]);
    await asker.create("web", { EndpointSpec });
  });
});

describe("removing networks", () => {
  it("takes the cluster's by id, name and the beginning of an id, and leaves others to the engine", async () => {
    for (const text of ["a", "b", "c"]) await create(`net-${text}`);
    const id = (await asker.ask<NetworkResource>("/networks/net-a")).body.Id;
    for (const text of [id, "net-b", "id003"]) {
      const { status, body } = await asker.ask(`/networks/${text}`, "DELETE");
      expect([status, body]).toEqual([204, undefined]);
    }
    expect(asker.engine.sent).toEqual([]);
    expect((await asker.ask("/v1.41/networks/net-a", "DELETE")).status).toBe(204);
    expect(asker.engine.sent).toMatchObject([{ method: "DELETE", path: "/v1.41/networks/net-a" }]);
    expect((await asker.ask("/networks/default", "DELETE")).body.message).toContain("default network can't be removed");
  });

  it("leaves the engine's networks removable when no manager can be reached, and only those", async () => {
    asker.ports.replica = undefined;
    expect((await asker.ask("/networks/bridge", "DELETE")).status).toBe(204);
    expect(await asker.ask("/networks/back", "DELETE")).toMatchObject({
      status: 503,
      body: { message: "no manager can be reached" },
    });
    asker.ports.leave();
    expect((await asker.ask("/networks/back", "DELETE")).status).toBe(204);
    expect(asker.engine.sent.map(({ path }) => path)).toEqual(["/networks/bridge", "/networks/back"]);
  });

  it("prunes what nothing uses, here and in the engine", async () => {
    await create("idle", { Labels: { keep: "no" } });
    await create("kept", { Labels: { keep: "yes" } });
    await create("busy");
    await inUse("busy");
    const pruned = async (given: object) =>
      (await asker.ask<NetworksPruned>(`/networks/prune?${filters(given)}`, "POST")).body.NetworksDeleted;
    expect(await pruned({ until: ["1h"] })).toEqual(["old-local"]);
    expect(await pruned({ "label!": { keep: true } })).toEqual(["old-local"]);
    expect(await pruned({ "label!": { "keep=yes": true } })).toEqual(["idle", "old-local"]);
    expect((await asker.ask<NetworksPruned>("/networks/prune", "POST")).body.NetworksDeleted).toEqual([
      "kept",
      "old-local",
    ]);
    const left = (await asker.ask<NetworkResource[]>("/networks")).body.map(({ Name }) => Name);
    expect(left).toEqual(["default", "busy", "ingress", "bridge"]);
    const sent = asker.engine.sent.map(({ path }) => new URL(path, "http://x").searchParams.get("filters"));
    expect(sent.map((text) => JSON.parse(text ?? "") as unknown)).toEqual([
      { until: { "1h": true }, "label!": { "io.murmur.network": true } },
      { "label!": { keep: true } },
      { "label!": { "keep=yes": true } },
      { "label!": { "io.murmur.network": true } },
    ]);
    expect((await asker.ask(`/networks/prune?${filters({ until: ["1h", "2h"] })}`, "POST")).status).toBe(400);
  });

  it("prunes through a manager, and the engine's alone outside a cluster", async () => {
    const manager = createApi(FakePorts.onManualClock());
    expect((await manager.fetch(post("idle"))).status).toBe(201);
    asker.ports.replica = undefined;
    asker.ports.standing = { state: "active", nodeId: NODE_TWO, address: "x:1", manager: false, managers: [] };
    asker.ports.forward = (request) => manager.fetchForwarded(request);
    const prune = async () => (await asker.ask<NetworksPruned>("/networks/prune", "POST")).body.NetworksDeleted;
    expect(await prune()).toEqual(["idle", "old-local"]);
    asker.ports.leave();
    expect(await prune()).toEqual(["old-local"]);
    asker.engine.send = () => Promise.resolve(Response.json({ NetworksDeleted: [] }));
    asker.ports.standing = { state: "active", nodeId: NODE_TWO, address: "x:1", manager: false, managers: [] };
    // As Docker, where there is nothing to tell.
    expect(await prune()).toBeNull();
  });
});

describe("in a cluster whose networks have addresses", () => {
  const subnet = { Subnet: "10.9.0.0/24", Gateway: "10.9.0.1" };
  beforeEach(async () => {
    asker.ports.replica = new MemoryCluster({ dataPlane: "overlay" });
    await create("back", { EnableIPv6: true, IPAM: { Config: [subnet, { Subnet: "fd00:9::/64" }] } });
    await inUse("back");
  });

  it("they are shown with what they were given", async () => {
    const { body } = await asker.ask<NetworkResource>("/networks/back");
    expect(body).toMatchObject({
      EnableIPv6: true,
      IPAM: { Config: [subnet, { Subnet: "fd00:9::/64", Gateway: "fd00:9::1" }] },
      Options: { "com.docker.network.driver.overlay.vxlanid_list": expect.stringMatching(/^\d+$/) as unknown },
    });
    expect((await asker.ask<NetworkResource>("/networks/default")).body.IPAM.Config).toHaveLength(1);
  });

  it("services and tasks have addresses, with their lengths", async () => {
    const { Endpoint } = await asker.inspect("in-back");
    const [four, six, ...more] = Endpoint.VirtualIPs ?? [];
    expect([four?.Addr, six?.Addr, more.length]).toEqual([
      expect.stringMatching(/^10\.9\.0\.\d+\/24$/),
      expect.stringMatching(/^fd00:9::[0-9a-f:]+\/64$/),
      0,
    ]);
    const { body: task } = await asker.ask<Task>("/tasks/taskofback");
    const [attachment] = task.NetworksAttachments ?? [];
    expect(attachment?.Network.Spec.Name).toBe("back");
    expect(attachment?.Addresses).toEqual([
      expect.stringMatching(/^10\.9\.0\.\d+\/24$/),
      expect.stringMatching(/^fd00:9::[0-9a-f:]+\/64$/),
    ]);
    const { Services } = (await asker.ask<NetworkResource>("/networks/back?verbose=1")).body;
    const [address] = attachment?.Addresses ?? [];
    expect(Services?.["in-back"]).toMatchObject({
      VIP: four?.Addr?.replace("/24", ""),
      Tasks: [{ Name: "in-back.1.taskofback", EndpointIP: address?.replace("/24", "") }],
    });
    expect((await asker.ask<NetworkResource>("/networks/default?verbose=1")).body.Services).toBeUndefined();
  });

  it("one of a plugin's driver for all nodes is refused in words that tell why, others as the engine does", async () => {
    const create = () => asker.ask("/networks/create", "POST", { Name: "foo", Driver: "weave" });
    asker.engine.refusal = { status: 503, message: 'This node is not a swarm manager. Use "docker swarm init"' };
    expect(await create()).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(/^network driver weave is .* not supported in swarm mode: use overlay/) },
    });
    asker.engine.refusal = { status: 404, message: "plugin weave not found" };
    expect(await create()).toMatchObject({ status: 404, body: { message: "plugin weave not found" } });
    asker.ports.leave();
    asker.engine.refusal = { status: 503, message: "This node is not a swarm manager." };
    expect((await create()).body.message).toBe("This node is not a swarm manager.");
  });

  it("one that nodes have of their own shows what it is made with, and has neither addresses nor guests", async () => {
    const ConfigFrom = { Network: "lan-conf" };
    const body = { Name: "lan", Driver: "macvlan", Scope: "swarm", ConfigFrom, Labels: { a: "b" } };
    const { status } = await asker.ask("/networks/create", "POST", body);
    expect(status).toBe(201);
    expect((await asker.ask<NetworkResource>("/networks/lan")).body).toMatchObject({
      Scope: "swarm",
      Driver: "macvlan",
      IPAM: { Driver: "", Options: null, Config: [] },
      ConfigFrom,
      Options: null,
    });
    const listed = (await asker.ask<NetworkResource[]>(`/networks?${filters({ driver: ["macvlan"] })}`)).body;
    expect(listed.filter(({ Scope }) => Scope === "swarm").map(({ Name }) => Name)).toEqual(["lan"]);
    const TaskTemplate = { ContainerSpec: { Image: "nginx" }, Networks: [{ Target: "lan" }] };
    await asker.create("web", { TaskTemplate });
    asker.runTask("task", 1, "web");
    const { body: task } = await asker.ask<Task>("/tasks/task");
    expect(task.NetworksAttachments?.map(({ Network, Addresses }) => [Network.Spec.ConfigFrom, Addresses])).toEqual([
      [ConfigFrom, undefined],
    ]);
    const joined = await asker.ask("/networks/lan/connect", "POST", { Container: "c" });
    expect([joined.status, joined.body.message]).toEqual([
      400,
      expect.stringContaining("network lan is not attachable"),
    ]);
    const removed = await asker.ask("/networks/lan", "DELETE");
    expect([removed.status, removed.body.message]).toEqual([400, expect.stringContaining("in use by service web")]);
    const wrong = await asker.ask("/networks/create", "POST", overlay("x", { ConfigFrom }));
    expect([wrong.status, wrong.body.message]).toEqual([
      400,
      expect.stringContaining("ConfigFrom: an overlay network"),
    ]);
    const other = await asker.ask("/networks/create", "POST", { Name: "x", Driver: "weave", Scope: "swarm" });
    expect([other.status, other.body.message]).toEqual([
      400,
      expect.stringContaining("overlay, bridge, ipvlan, macvlan"),
    ]);
  });

  it("one that is in use stays, and so does one whose subnet another would overlap", async () => {
    const removed = await asker.ask("/networks/back", "DELETE");
    expect([removed.status, removed.body.message]).toEqual([400, expect.stringContaining("in-back")]);
    const overlapping = { IPAM: { Config: [{ Subnet: "10.9.0.128/25" }] } };
    const { status, body } = await asker.ask("/networks/create", "POST", overlay("other", overlapping));
    expect([status, body.message]).toEqual([400, expect.stringContaining("10.9.0.0/24")]);
  });
});
