import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, expect, it } from "vitest";
import { nodeId } from "@murmur/base";
import { NO_SUSPECTS } from "@murmur/discovery";
import { taskId, type Endpoint } from "@murmur/model";
import { endpoint, freePort, ports, service, table, udpTask, until, withOptions } from "./fixture.ts";
import { ProxySet } from "./proxy-set.ts";
import { Targets } from "./targets.ts";

let port: number;
let targets: Targets;
let proxies: ProxySet;
let world: ReturnType<typeof ports>;
let clients: Socket[];

beforeEach(async () => {
  port = await freePort();
  world = ports();
  clients = [];
  targets = new Targets(world);
  proxies = new ProxySet({ publishAddress: "0.0.0.0", targets, ...world });
});
afterEach(async () => {
  for (const client of clients) client.close();
  await proxies[Symbol.asyncDispose]();
  expect(world.clock.pending).toBe(0);
});

async function publish(...endpoints: readonly Endpoint[]): Promise<void> {
  targets.update(table(service("dns", port, endpoints, "udp")));
  proxies.render();
  await until(() => proxies.listeners().every(({ state }) => state === "listening"));
}

const at = (task: string, hostPort: number, node = "node"): Endpoint =>
  endpoint({ task, hostPort, node, protocol: "udp" });

function newClient(type: "udp4" | "udp6" = "udp4"): (text: string) => Promise<string> {
  const socket = createSocket(type);
  clients.push(socket);
  return async (text) => {
    const answer = once(socket, "message");
    socket.send(text, port, type === "udp4" ? "127.0.0.1" : "::1");
    const [bytes] = (await answer) as [Buffer];
    return bytes.toString();
  };
}

it("carries packets both ways, over IPv4 and IPv6", async () => {
  await using task = await udpTask((bytes) => `echo ${bytes.toString()}`);
  await publish(at("t1", task.port));
  expect(await newClient()("four")).toBe("echo four");
  expect(await newClient("udp6")("six")).toBe("echo six");
  expect(proxies.stats().flows).toBe(2);
});

it("sends all of an address to one task where its port says so, and listens on the port's address only", async () => {
  await using one = await udpTask(() => "one");
  await using two = await udpTask(() => "two");
  const dns = service("dns", port, [at("t1", one.port), at("t2", two.port)], "udp");
  targets.update(table(withOptions(dns, { balancing: "source-hash", hostIp: "127.0.0.1" })));
  proxies.render();
  await until(() => proxies.listeners().every(({ state }) => state === "listening"));
  const names = await Promise.all(Array.from({ length: 8 }, () => newClient()("who?")));
  expect(new Set(names).size).toBe(1);
  const elsewhere = createSocket("udp4");
  clients.push(elsewhere);
  elsewhere.connect(port, "127.0.0.2");
  await once(elsewhere, "connect");
  elsewhere.send("who?");
  await expect(once(elsewhere, "message")).rejects.toThrow("ECONNREFUSED");
});

it("sends a client's packets to one task, and clients to different ones", async () => {
  await using one = await udpTask(() => "one");
  await using two = await udpTask(() => "two");
  await publish(at("t1", one.port), at("t2", two.port));
  const names: string[] = [];
  for (let count = 0; count < 6; count += 1) {
    const ask = newClient();
    const name = await ask("who?");
    names.push(name);
    for (let again = 0; again < 3; again += 1) expect(await ask("who?")).toBe(name);
  }
  expect(names.filter((name) => name === "one")).toHaveLength(3);
});

it("loses none of the packets that come before the way is open", async () => {
  let got = 0;
  await using task = await udpTask(() => ((got += 1), undefined));
  await publish(at("t1", task.port));
  const socket = createSocket("udp4");
  clients.push(socket);
  for (let count = 0; count < 20; count += 1) socket.send("x", port, "127.0.0.1");
  await until(() => got === 20);
  expect(proxies.stats().packetsDropped).toBe(0);
});

it("moves a client when its task is withdrawn or its node is dead", async () => {
  await using one = await udpTask(() => "one");
  await using two = await udpTask(() => "two");
  await publish(at("t1", one.port, "n1"), at("t2", two.port, "n2"));
  const ask = newClient();
  const first = await ask("who?");
  const [mine, other] = first === "one" ? ["t1", "two"] : ["t2", "one"];
  targets.avoid({ ...NO_SUSPECTS, withdrawn: new Set([taskId(mine)]) });
  expect(await ask("who?")).toBe(other);
  const dead = new Set([nodeId(other === "one" ? "n1" : "n2")]);
  targets.avoid({ ...NO_SUSPECTS, deadNodes: dead });
  proxies.dropDead(dead);
  expect(proxies.stats().flows).toBe(0);
  expect(await ask("who?")).toBe(first);
});

it("moves a client when nothing listens at its task", async () => {
  await using task = await udpTask(() => "alive");
  const dead = await freePort();
  await publish(at("gone", dead));
  const ask = newClient();
  void ask("lost");
  await until(() => proxies.stats().flows === 1);
  await publish(at("gone", dead), at("alive", task.port));
  // The kernel says that the port is closed some time after the first packet; until then packets are lost, as is UDP's way.
  const answer = ask("and again");
  const again = setInterval(() => clients[0]?.send("and again", port, "127.0.0.1"), 5);
  expect(await answer.finally(() => clearInterval(again))).toBe("alive");
});

it("drops packets while there is no task", async () => {
  await publish();
  void newClient()("lost");
  await until(() => proxies.stats().packetsDropped === 1);
  expect(proxies.stats().flows).toBe(0);
});

it("forgets clients that are silent, and only these", async () => {
  await using task = await udpTask((bytes) => bytes);
  await publish(at("t1", task.port));
  const [silent, busy] = [newClient(), newClient()];
  await silent("one");
  await busy("two");
  await world.clock.advance(20_000);
  await busy("three");
  await world.clock.advance(15_000);
  expect(proxies.stats().flows).toBe(1);
  await world.clock.advance(30_000);
  expect(proxies.stats().flows).toBe(0);
});

it("says that a port is in use", async () => {
  await using blocker = await udpTask(() => undefined);
  port = blocker.port;
  targets.update(table(service("dns", port, [], "udp")));
  proxies.render();
  await until(() => proxies.listeners()[0]?.state === "failed");
  expect(proxies.listeners()[0]?.error).toBe(`port ${String(port)}/udp is in use by another program`);
});
