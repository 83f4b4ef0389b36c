import { beforeEach, describe, expect, it } from "vitest";
import { ClusterError, nodeId } from "@murmur/base";
import { networkId } from "@murmur/model";
import { createApi } from "../app.ts";
import { Asker } from "../testing/asker.ts";
import { FakePorts, fakeEngine } from "../testing/fake-ports.ts";
import { realClock } from "../testing/real-clock.ts";
import { MemoryCluster } from "../testing/memory-cluster.ts";

let asker: Asker;
let id: string;
beforeEach(async () => {
  asker = new Asker();
  asker.ports.replica = new MemoryCluster({ dataPlane: "overlay" });
  id = await made("back", { Attachable: true });
});

async function made(name: string, more: object = {}): Promise<string> {
  const wish = { Name: name, Driver: "overlay", ...more };
  return (await asker.ask<{ Id: string }>("/networks/create", "POST", wish)).body.Id;
}
/** What the agent of this node has the engine make. */
const inEngine = (): void => {
  const Config = [
    { Gateway: "fd00::1", IPRange: "fd00::8000/120" },
    { Gateway: "10.64.16.1", IPRange: "10.64.24.0/28" },
  ];
  asker.engine.networks.push({ label: `io.murmur.network=${id}`, Name: "murmur.back.abc", IPAM: { Config } });
};
const create = (body: object) => asker.ask("/v1.41/containers/create?name=shell", "POST", body);
const sent = (): unknown => JSON.parse(asker.engine.sent.at(-1)?.body ?? "null");

describe("a container whose client is newer than the engine", () => {
  const MacAddress = "02:42:0a:00:00:09";
  const wish = { HostConfig: { NetworkMode: "mine" }, NetworkingConfig: { EndpointsConfig: { mine: { MacAddress } } } };

  it("has what it asks for in words that the engine knows", async () => {
    await asker.ask("/v1.47/containers/create", "POST", wish);
    expect(sent()).toEqual({ ...wish, MacAddress });
    // Of its own version the engine knows the words itself.
    await create(wish);
    expect(sent()).toEqual(wish);
  });

  it("is refused where the engine would pass over what it asks for", async () => {
    const annotated = { HostConfig: { Annotations: { a: "b" } } };
    expect(await asker.ask("/v1.47/containers/create", "POST", annotated)).toMatchObject({
      status: 501,
      body: { message: expect.stringContaining("--annotation requires API version 1.43") as unknown },
    });
    expect(asker.engine.sent).toEqual([]);
  });
});

describe("a container in several networks of an engine that makes it in one", () => {
  const EndpointsConfig = { back: { Aliases: ["me"] }, mine: {}, other: { Links: [] } };
  const wish = { HostConfig: { NetworkMode: "mine" }, NetworkingConfig: { EndpointsConfig } };
  const asked = () => asker.engine.sent.map(({ method, path }) => `${method} ${path}`);
  const made = "e".repeat(64);

  it("is connected to the others before anybody hears of it", async () => {
    inEngine();
    const answer = await asker.ask("/v1.47/containers/create?name=c", "POST", wish);
    expect(answer).toMatchObject({ status: 201, body: { Id: made } });
    expect(asked()).toEqual([
      "POST /v1.47/containers/create?name=c",
      "POST /v1.47/networks/murmur.back.abc/connect",
      "POST /v1.47/networks/other/connect",
    ]);
    expect(JSON.parse(asker.engine.sent[0]?.body ?? "")).toMatchObject({
      NetworkingConfig: { EndpointsConfig: { mine: {} } },
    });
    expect(sent()).toEqual({ Container: made, EndpointConfig: { Links: [] } });
  });

  it("goes when it can't be in one of them, which is said in the cluster's words", async () => {
    inEngine();
    const send = asker.engine.send.bind(asker.engine);
    asker.engine.send = async (request, signal) => {
      const answer = await send(request, signal);
      const message = "network murmur.back.abc has no address left";
      return request.path.endsWith("abc/connect") ? Response.json({ message }, { status: 403 }) : answer;
    };
    const answer = await asker.ask("/v1.47/containers/create", "POST", wish);
    expect(answer.status).toBe(403);
    expect(answer.body.message).toContain("has no address left");
    expect(asked().at(-1)).toBe(`DELETE /v1.47/containers/${made}?force=1&v=1`);
  });
});

describe("a container in an attachable network", () => {
  it("is made in what the engine has for it, and asks the node for names", async () => {
    inEngine();
    const endpoint = { Aliases: ["me"] };
    const NetworkingConfig = { EndpointsConfig: { back: endpoint, mine: {} } };
    const HostConfig = { NetworkMode: "back", Memory: 5 };
    expect((await create({ Image: "i", HostConfig, NetworkingConfig })).status).toBe(201);
    expect(asker.engine.sent.at(-1)?.path).toBe("/v1.41/containers/create?name=shell");
    expect(sent()).toEqual({
      Image: "i",
      HostConfig: {
        NetworkMode: "murmur.back.abc",
        Memory: 5,
        Dns: ["10.64.16.1"],
        DnsSearch: ["murmur.internal"],
        DnsOptions: ["ndots:1"],
      },
      NetworkingConfig: { EndpointsConfig: { "murmur.back.abc": endpoint, mine: {} } },
    });
    await create({ HostConfig: { NetworkMode: id, Dns: ["9.9.9.9"] } });
    expect(sent()).toEqual({ HostConfig: { NetworkMode: "murmur.back.abc", Dns: ["9.9.9.9"] } });
  });

  it("is connected and disconnected by the cluster's name", async () => {
    inEngine();
    for (const verb of ["connect", "disconnect"]) {
      await asker.ask(`/v1.41/networks/back/${verb}`, "POST", { Container: "c" });
      expect(asker.engine.sent.at(-1)?.path).toBe(`/v1.41/networks/murmur.back.abc/${verb}`);
      expect(sent()).toEqual({ Container: "c" });
    }
  });

  it("gets its address of the node's share, and no other", async () => {
    inEngine();
    const own = { IPAMConfig: { IPv4Address: "10.64.16.9" } };
    const share = "10.64.24.0/28, this node's share";
    const message = expect.stringMatching(
      new RegExp(`^addresses of network back are given out by the cluster, and "10.64.16.9" .*${share}$`),
    ) as unknown;
    const refusal = { status: 400, body: { message } };
    const wish = { HostConfig: { NetworkMode: "back" }, NetworkingConfig: { EndpointsConfig: { back: own } } };
    expect(await create(wish)).toMatchObject(refusal);
    const connect = { Container: "c", EndpointConfig: own };
    expect(await asker.ask("/networks/back/connect", "POST", connect)).toMatchObject(refusal);
    expect(asker.engine.sent).toEqual([]);
  });

  it("has the address that it asks for of the node's share", async () => {
    inEngine();
    const own = { IPAMConfig: { IPv4Address: "10.64.24.9", IPv6Address: "fd00:0::8009" } };
    const NetworkingConfig = { EndpointsConfig: { back: own } };
    expect((await create({ HostConfig: { NetworkMode: "back" }, NetworkingConfig })).status).toBe(201);
    expect(sent()).toMatchObject({ NetworkingConfig: { EndpointsConfig: { "murmur.back.abc": own } } });
    const connect = { Container: "c", EndpointConfig: own };
    await asker.ask("/networks/back/connect", "POST", connect);
    expect(sent()).toEqual(connect);
    for (const IPv4Address of ["10.64.24.16", "nope", 7]) {
      const EndpointConfig = { IPAMConfig: { IPv4Address } };
      expect((await asker.ask("/networks/back/connect", "POST", { Container: "c", EndpointConfig })).status).toBe(400);
    }
  });

  it("waits for the engine's side of a network that was just made, not for ever", async () => {
    const asked = create({ HostConfig: { NetworkMode: "back" } });
    await asker.ports.clock.advance(1_000);
    inEngine();
    await asker.ports.clock.advance(50);
    expect((await asked).status).toBe(201);
    expect(sent()).toMatchObject({ HostConfig: { NetworkMode: "murmur.back.abc" } });
    asker.engine.networks.pop();
    const late = create({ HostConfig: { NetworkMode: "back" } });
    for (let step = 0; step < 250; step += 1) await asker.ports.clock.advance(50);
    expect(await late).toMatchObject({
      status: 503,
      body: { message: expect.stringContaining("for back yet: try again") },
    });
  });

  it("is made in its node's own network, at whatever address, without the cluster's names", async () => {
    const lan = await made("lan", { Driver: "macvlan", Scope: "swarm", Attachable: true });
    const own = { IPAMConfig: { IPv4Address: "192.168.7.9" } };
    const wish = { HostConfig: { NetworkMode: "lan" }, NetworkingConfig: { EndpointsConfig: { lan: own } } };
    expect((await create(wish)).status).toBe(201);
    const name = `murmur.own.${lan}`;
    expect(sent()).toEqual({
      HostConfig: { NetworkMode: name },
      NetworkingConfig: { EndpointsConfig: { [name]: own } },
    });
    await asker.ask("/networks/lan/connect", "POST", { Container: "c", EndpointConfig: own });
    expect(asker.engine.sent.at(-1)?.path).toBe(`/networks/${name}/connect`);
    // What it leaves isn't made for it.
    asker.ports.ownNetwork = () => expect.fail();
    await asker.ask("/networks/lan/disconnect", "POST", { Container: "c" });
    expect(asker.engine.sent.at(-1)?.path).toBe(`/networks/murmur.lan.${lan.slice(0, 12)}/disconnect`);
  });

  it("waits until its node has heard of such a network, and hears what the engine lacks for it", async () => {
    await made("lan", { Driver: "macvlan", Scope: "swarm", Attachable: true });
    let untold = 3;
    asker.ports.ownNetwork = async () => {
      if ((untold -= 1) > 0) throw new ClusterError("unavailable", "not told of it yet");
      return "murmur.lan.x";
    };
    const asked = create({ HostConfig: { NetworkMode: "lan" } });
    for (let step = 0; step < 3; step += 1) await asker.ports.clock.advance(50);
    expect((await asked).status).toBe(201);
    expect(sent()).toEqual({ HostConfig: { NetworkMode: "murmur.lan.x" } });
    const lacks = "this node has no configuration network lan-conf";
    asker.ports.ownNetwork = () => Promise.reject(new ClusterError("failed_precondition", lacks));
    expect((await create({ HostConfig: { NetworkMode: "lan" } })).body.message).toBe(lacks);
  });

  it("keeps its network, until its node says that it is gone", async () => {
    const names = ["shell", "abc"];
    asker.ports.guests = [{ networkId: networkId(id), nodeId: nodeId("n1"), ipv4: "10.64.24.1", names }];
    const remove = () => asker.ask("/networks/back", "DELETE");
    expect((await asker.ask("/networks/prune", "POST")).body).toEqual({ NetworksDeleted: ["old-local"] });
    const refused = remove();
    for (let step = 0; step < 70; step += 1) await asker.ports.clock.advance(50);
    expect(await refused).toMatchObject({
      body: { message: "network back is in use by container shell on node n1; disconnect or remove it" },
    });
    const removed = remove();
    await asker.ports.clock.advance(50);
    asker.ports.guests = [];
    for (let step = 0; step < 3; step += 1) await asker.ports.clock.advance(50);
    expect((await removed).status).toBe(204);
  });

  it("keeps its network on its own node at once, as no task does", async () => {
    const task = { Names: ["/web.1"], Labels: { "com.docker.swarm.task.id": "t" } };
    asker.engine.answers.set("/containers/json", [task, { Names: ["/shell"], Labels: {} }]);
    expect(await asker.ask("/networks/back", "DELETE")).toMatchObject({
      body: { message: "network back is in use by container shell; disconnect or remove it" },
    });
    asker.engine.answers.set("/containers/json", [task]);
    expect((await asker.ask("/networks/back", "DELETE")).status).toBe(204);
  });

  it("is refused with the reason where it can't be in it", async () => {
    await made("lan", { Driver: "macvlan", Scope: "swarm" });
    expect((await create({ HostConfig: { NetworkMode: "lan" } })).body.message).toContain(
      "network lan is not attachable",
    );
    await made("closed");
    expect((await create({ HostConfig: { NetworkMode: "closed" } })).body.message).toContain(
      "network closed is not attachable",
    );
    asker.ports.replica = new MemoryCluster();
    await made("plain", { Attachable: true });
    expect((await create({ HostConfig: { NetworkMode: "plain" } })).body.message).toContain("data plane is ports");
    expect(asker.engine.sent).toEqual([]);
  });
});

describe("every other container", () => {
  it.each(["bridge", "default", "container:other", "mine", ""])("in %s goes to the engine as it came", async (mode) => {
    const body = `{ "HostConfig" : {"NetworkMode":"${mode}"}, "Odd": 1.0 }`;
    const init = { method: "POST", body, headers: { "content-type": "application/json" } };
    await asker.api.fetch(new Request("http://x/v1.41/containers/create", init));
    expect(asker.engine.sent.at(-1)?.body).toBe(body);
  });

  it("goes there outside of a cluster, too", async () => {
    asker.ports.leave();
    await create({ HostConfig: { NetworkMode: "back" } });
    expect(sent()).toEqual({ HostConfig: { NetworkMode: "back" } });
  });

  it("is answered here only when it is made or connected", () => {
    const api = createApi(new FakePorts(fakeEngine(), realClock));
    expect(api.owns("POST", "/v1.41/containers/create")).toBe(true);
    expect(api.owns("POST", "/networks/n/connect")).toBe(true);
    for (const path of ["/containers/c/start", "/containers/create/exec", "/networks/n/other", "/containers"])
      expect(api.owns("POST", path)).toBe(false);
    expect(api.owns("GET", "/containers/create")).toBe(false);
  });
});
