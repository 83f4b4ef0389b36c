import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NO_SUSPECTS } from "@murmur/discovery";
import { taskId, type Endpoint, type PortOptions, type ServiceEndpoints } from "@murmur/model";
import {
  deafTask,
  endpoint,
  exchange,
  freePort,
  namedTask,
  ports,
  received,
  service,
  table,
  tcpTask,
  until,
  withOptions,
} from "./fixture.ts";
import { ProxySet } from "./proxy-set.ts";
import { Targets } from "./targets.ts";

const NOBODY = { clientAddress: () => "10.0.0.9" };
const KEY = "tcp/80";
let world: ReturnType<typeof ports>;
let targets: Targets;

beforeEach(() => {
  world = ports();
  targets = new Targets(world);
});

const at = (task: string, node = "far"): Endpoint => endpoint({ task, node, hostPort: 1 });
const update = (options: PortOptions, ...tasks: readonly Endpoint[]): void =>
  targets.update(table(withOptions(service("web", 80, tasks), options)));
const pick = (): string | undefined => targets.pick(KEY, NOBODY)?.taskId;
const picks = (count: number): (string | undefined)[] => Array.from({ length: count }, pick);

describe("a port's way to choose", () => {
  it("is the fewest connections from here when none is named", () => {
    update({}, at("a"), at("b"));
    targets.opened(taskId("a"));
    expect(picks(5)).toEqual(["b", "b", "b", "b", "b"]);
    update({ balancing: "least-conn" }, at("a"), at("b"));
    expect(pick()).toBe("b");
  });

  it("takes them in turn, and goes on where it was when tasks come and go", () => {
    update({ balancing: "round-robin" }, at("a"), at("b"), at("c"));
    const [first, second, third, ...again] = picks(6);
    expect(new Set([first, second, third])).toEqual(new Set(["a", "b", "c"]));
    expect(again).toEqual([first, second, third]);
    targets.avoid({ ...NO_SUSPECTS, withdrawn: new Set([taskId("b")]) });
    const left = picks(4);
    expect(left.slice(2)).toEqual(left.slice(0, 2));
    expect(new Set(left)).toEqual(new Set(["a", "c"]));
  });

  it("begins its turns at another task on each node", () => {
    const firsts = Array.from({ length: 40 }, () => {
      targets = new Targets(world);
      update({ balancing: "round-robin" }, at("a"), at("b"), at("c"));
      return pick();
    });
    expect(new Set(firsts).size).toBe(3);
  });

  it("knows a client by its address, whatever the order and the load", () => {
    update({ balancing: "source-hash" }, at("a"), at("b"), at("c"));
    const choice = (address: string): string | undefined => targets.pick(KEY, { clientAddress: () => address })?.taskId;
    const addresses = Array.from({ length: 60 }, (_, number) => `10.0.0.${String(number)}`);
    const before = addresses.map(choice);
    expect(new Set(before).size).toBe(3);
    targets.opened(taskId("a"));
    update({ balancing: "source-hash" }, at("c"), at("a"), at("b"));
    expect(addresses.map(choice)).toEqual(before);
    update({ balancing: "source-hash" }, at("a"), at("b"));
    const after = addresses.map(choice);
    expect(before.every((task, number) => task === "c" || task === after[number])).toBe(true);
  });

  it("is by chance where that is asked for, whatever the load", () => {
    update({ balancing: "random" }, at("a"), at("b"));
    targets.opened(taskId("a"));
    const seen = picks(400).filter((task) => task === "a").length;
    expect(seen).toBeGreaterThan(120);
    expect(seen).toBeLessThan(280);
  });

  it("leaves a task alone that has become slow, remembers it over updates, and forgets it with the task", async () => {
    const both = [at("a"), at("b")];
    update({ balancing: "peak-ewma" }, ...both);
    targets.answered(KEY, taskId("a"), 400);
    targets.answered(KEY, taskId("b"), 5);
    // One that was never in the table is not kept.
    targets.answered(KEY, taskId("z"), 1);
    expect(new Set(picks(20))).toEqual(new Set(["b"]));
    update({ balancing: "peak-ewma" }, ...both, at("c"));
    expect(new Set(picks(50))).toEqual(new Set(["b", "c"]));
    // However slow, it is better than one with a hundred connections.
    for (let count = 0; count < 100; count += 1) targets.opened(taskId("b"));
    update({ balancing: "peak-ewma" }, ...both);
    expect(new Set(picks(20))).toEqual(new Set(["a"]));
    for (let count = 0; count < 100; count += 1) targets.closed(taskId("b"));
    // Half a minute later it is worth a try again, when the other one has something to do.
    await world.clock.advance(60_000);
    targets.answered(KEY, taskId("b"), 5);
    expect(new Set(picks(20))).toEqual(new Set(["a"]));
    update({ balancing: "peak-ewma" }, at("b"));
    update({ balancing: "peak-ewma" }, ...both);
    expect(new Set(picks(20))).toEqual(new Set(["a"]));
  });

  it("begins anew when it is another one", () => {
    update({ balancing: "peak-ewma" }, at("a"), at("b"));
    targets.answered(KEY, taskId("a"), 400);
    targets.answered(KEY, taskId("b"), 5);
    update({ balancing: "random" }, at("a"), at("b"));
    expect(new Set(picks(40)).size).toBe(2);
    update({ balancing: "peak-ewma" }, at("a"), at("b"));
    expect(new Set(picks(40)).size).toBe(2);
  });
});

describe("local first", () => {
  it("keeps to this node's tasks while one of them may be used", () => {
    const tasks = [at("a"), at("b", "self"), at("c", "self")];
    update({ localFirst: true }, ...tasks);
    expect(new Set(picks(30))).toEqual(new Set(["b", "c"]));
    const tried = new Set(["b", "c"].map(taskId));
    expect(targets.pick(KEY, { ...NOBODY, tried })?.taskId).toBe("a");
    targets.avoid({ ...NO_SUSPECTS, withdrawn: new Set([taskId("b"), taskId("c")]) });
    expect(new Set(picks(10))).toEqual(new Set(["a"]));
    targets.avoid(NO_SUSPECTS);
    update({}, ...tasks);
    expect(new Set(picks(30)).size).toBe(3);
  });
});

describe("on real connections", () => {
  let port: number;
  let proxies: ProxySet;
  beforeEach(async () => {
    port = await freePort();
    proxies = new ProxySet({ publishAddress: "127.0.0.1", targets, ...world });
  });
  afterEach(() => proxies[Symbol.asyncDispose]());

  async function publish(options: PortOptions, ...tasks: readonly Endpoint[]): Promise<void> {
    targets.update(table(withOptions(service("web", port, tasks), options)));
    proxies.render();
    await until(() => proxies.listeners().every(({ state }) => state === "listening"));
  }

  it("sends one address to one task", async () => {
    await using one = await namedTask("one");
    await using two = await namedTask("two");
    const both = [endpoint({ task: "t1", hostPort: one.port }), endpoint({ task: "t2", hostPort: two.port })];
    await publish({ balancing: "source-hash" }, ...both);
    const from = async (localAddress: string): Promise<string> =>
      (await received(connect({ host: "127.0.0.1", port, localAddress }))).toString();
    const addresses = Array.from({ length: 12 }, (_, number) => `127.0.0.${String(number + 1)}`);
    const before = await Promise.all(addresses.map(from));
    expect(new Set(before)).toEqual(new Set(["one", "two"]));
    expect(await Promise.all(addresses.map(from))).toEqual(before);
  });

  it("goes on to another node's task when the local one takes no connection", async () => {
    await using far = await namedTask("far");
    await publish(
      { localFirst: true },
      endpoint({ task: "t1", node: "self", hostPort: await freePort() }),
      endpoint({ task: "t2", hostPort: far.port }),
    );
    expect(await exchange(port)).toBe("far");
  });

  it("measures how long tasks take from the first byte on, not how long clients do", async () => {
    const slow = Promise.withResolvers<Socket>();
    await using late = await tcpTask((socket) => void socket.once("data", () => slow.resolve(socket)));
    await using quick = await tcpTask((socket) => void socket.once("data", () => socket.end("quick")));
    const lateOne = endpoint({ task: "late", hostPort: late.port });
    const quickOne = endpoint({ task: "quick", hostPort: quick.port });
    await publish({ balancing: "peak-ewma" }, lateOne);
    const client = connect({ host: "127.0.0.1", port });
    await once(client, "connect");
    await until(() => proxies.stats().connections === 1);
    client.write("hello");
    const socket = await slow.promise;
    await world.clock.advance(300);
    socket.end("late");
    expect((await received(client)).toString()).toBe("late");
    client.destroy();
    await until(() => proxies.stats().connections === 0);
    await publish({ balancing: "peak-ewma" }, quickOne, lateOne);
    for (let count = 0; count < 10; count += 1) expect(await exchange(port, "hello")).toBe("quick");
  });

  it("doesn't take a task for quick that refuses quickly", async () => {
    await using good = await namedTask("good");
    const refusing = endpoint({ task: "refusing", hostPort: await freePort() });
    const goodOne = endpoint({ task: "good", hostPort: good.port });
    await publish({ balancing: "peak-ewma" }, refusing, goodOne);
    for (let count = 0; count < 10; count += 1) expect(await exchange(port)).toBe("good");
    const key = `tcp/${String(port)}`;
    const chosen = Array.from({ length: 20 }, () => targets.pick(key, NOBODY)?.taskId);
    expect(new Set(chosen)).toEqual(new Set(["good"]));
  });

  it("passes over a task that doesn't answer in its turn", async () => {
    await using deaf = await deafTask();
    await using other = await namedTask("other");
    await publish(
      { balancing: "round-robin" },
      endpoint({ task: "t1", hostPort: deaf.port }),
      endpoint({ task: "t2", hostPort: other.port }),
    );
    const answers = [exchange(port), exchange(port)];
    // The one whose turn was the other task's has been served.
    await until(() => proxies.stats().connectionsTotal === 2 && proxies.stats().connections === 1);
    await world.clock.advance(1_000);
    expect(await Promise.all(answers)).toEqual(["other", "other"]);
  });
});

describe("on an address", () => {
  let port: number;
  let proxies: ProxySet;
  beforeEach(async () => {
    port = await freePort();
    proxies = new ProxySet({ publishAddress: "0.0.0.0", targets, ...world });
  });
  afterEach(() => proxies[Symbol.asyncDispose]());

  const render = async (...services: readonly ServiceEndpoints[]): Promise<void> => {
    targets.update(table(...services));
    proxies.render();
    await until(() => proxies.listeners().every(({ state }) => state !== "opening"));
  };
  const ask = async (host: string): Promise<string> => (await received(connect({ host, port }))).toString();
  const on = (hostIp: string | undefined, name: string, hostPort: number) =>
    withOptions(service(name, port, [endpoint({ task: name, hostPort })]), hostIp === undefined ? {} : { hostIp });

  it("is another port than on another address", async () => {
    await using one = await namedTask("one");
    await using two = await namedTask("two");
    await using six = await namedTask("six");
    await render(on("127.0.0.1", "one", one.port), on("127.0.0.2", "two", two.port), on("::", "six", six.port));
    expect([await ask("127.0.0.1"), await ask("127.0.0.2"), await ask("::1")]).toEqual(["one", "two", "six"]);
    await expect(ask("127.0.0.3")).rejects.toThrow("ECONNREFUSED");
  });

  it("moves to all addresses and back with the table", async () => {
    await using task = await namedTask("web");
    await render(on("127.0.0.1", "web", task.port));
    expect(proxies.holds({ protocol: "tcp", publishedPort: port })).toBe(true);
    expect(proxies.holds({ protocol: "tcp", publishedPort: port, hostIp: "127.0.0.2" })).toBe(false);
    await render(on(undefined, "web", task.port));
    expect([await ask("127.0.0.2"), await ask("::1")]).toEqual(["web", "web"]);
    await render(on("0.0.0.0", "web", task.port));
    expect(await ask("127.0.0.2")).toBe("web");
    await expect(ask("::1")).rejects.toThrow("ECONNREFUSED");
  });

  it("is nothing to open and nothing wrong where the node doesn't have it", async () => {
    await using task = await namedTask("web");
    await render(on("192.0.2.77", "web", task.port));
    const elsewhere = { protocol: "tcp", port, hostIp: "192.0.2.77", state: "elsewhere" };
    expect(proxies.listeners()).toEqual([elsewhere]);
    await render(withOptions(service("dns", port, [], "udp"), { hostIp: "192.0.2.77" }));
    expect(proxies.listeners()).toEqual([{ ...elsewhere, protocol: "udp" }]);
  });

  it("is none of a node that publishes on another one", async () => {
    const bound = new ProxySet({ publishAddress: "127.0.0.1", targets, ...world });
    await render(on("127.0.0.2", "web", 1));
    bound.render();
    expect(bound.listeners()).toEqual([]);
    await render(on("0.0.0.0", "web", 1));
    await render();
    await render(on("127.0.0.1", "web", 1));
    await bound[Symbol.asyncDispose]();
  });
});
