import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { nodeId } from "@murmur/base";
import { NO_SUSPECTS } from "@murmur/discovery";
import type { Endpoint } from "@murmur/model";
import {
  deafTask,
  echoTask,
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
} from "./fixture.ts";
import { ProxySet } from "./proxy-set.ts";
import { Targets } from "./targets.ts";

let port: number;
let targets: Targets;
let proxies: ProxySet;
let world: ReturnType<typeof ports>;

beforeEach(async () => {
  port = await freePort();
  world = ports();
  targets = new Targets(world);
  proxies = new ProxySet({ publishAddress: "127.0.0.1", targets, ...world });
});
afterEach(async () => {
  await proxies[Symbol.asyncDispose]();
  expect(world.clock.pending).toBe(0);
  expect(proxies.stats().connections).toBe(0);
});

/** Publishes `web` with these endpoints, and waits until the port is open. */
async function publish(...endpoints: readonly Endpoint[]): Promise<void> {
  targets.update(table(service("web", port, endpoints)));
  proxies.render();
  await until(() => proxies.listeners().every(({ state }) => state === "listening"));
}

async function open(): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  // Those that break when a test is over; within it, whoever waits for something hears of it as well.
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

it("carries bytes both ways and keeps half a connection open", async () => {
  await using task = await tcpTask((socket) => {
    void received(socket).then((bytes) => socket.end(`got ${String(bytes.length)}`));
  });
  await publish(endpoint({ task: "t1", hostPort: task.port }));
  expect(await exchange(port, "x".repeat(300_000), "y".repeat(300_000))).toBe("got 600000");
});

it("loses nothing of what the client sent after the task has said its last word", async () => {
  let upload: Promise<Buffer> | undefined;
  await using task = await tcpTask((socket) => {
    socket.end("enough");
    // Reads slowly: most of the upload is still on its way when the client's own connection has long closed.
    socket.pause();
    upload = new Promise((resolve) => setTimeout(resolve, 50)).then(() => received(socket));
  });
  await publish(endpoint({ task: "t1", hostPort: task.port }));
  const client = await open();
  client.resume();
  await once(client, "end");
  client.end(Buffer.alloc(3_000_000));
  await once(client, "close");
  expect((await upload)?.length).toBe(3_000_000);
  await until(() => proxies.stats().connections === 0);
});

it("goes to the task with the fewest connections", async () => {
  await using one = await tcpTask((socket) => socket.write("one"));
  await using two = await tcpTask((socket) => socket.write("two"));
  await publish(endpoint({ task: "t1", hostPort: one.port }), endpoint({ task: "t2", hostPort: two.port }));
  const names: string[] = [];
  for (let count = 0; count < 8; count += 1) {
    const [bytes] = (await once(await open(), "data")) as [Buffer];
    names.push(bytes.toString());
  }
  expect(names.filter((name) => name === "one")).toHaveLength(4);
});

it("tries another task when one refuses, with what the client has sent already", async () => {
  await using task = await echoTask();
  const dead = await freePort();
  await publish(
    ...["a", "b", "c"].map((name) => endpoint({ task: name, hostPort: dead })),
    endpoint({ task: "t1", hostPort: task.port }),
  );
  for (let count = 0; count < 10; count += 1) expect(await exchange(port, "to be kept")).toBe("to be kept");
  expect(proxies.stats()).toMatchObject({ connectionsTotal: 10, refused: 0 });
});

it("passes a task over that does not answer in time, if there is another one", async () => {
  await using deaf = await deafTask();
  await using task = await namedTask("quick");
  const silent = endpoint({ task: "silent", hostPort: deaf.port });
  await publish(silent);
  const client = await open();
  await until(() => proxies.stats().connections === 1);
  targets.update(table(service("web", port, [silent, endpoint({ task: "quick", hostPort: task.port })])));
  await world.clock.advance(999);
  expect(client.readableLength).toBe(0);
  await world.clock.advance(1);
  expect((await received(client)).toString()).toBe("quick");
});

it("waits on for a task that does not answer when there is no other one, but not for ever", async () => {
  await using deaf = await deafTask();
  await publish(endpoint({ task: "silent", hostPort: deaf.port }));
  const client = await open();
  await until(() => proxies.stats().connections === 1);
  await world.clock.advance(3_999);
  expect(proxies.stats()).toMatchObject({ connections: 1, refused: 0 });
  await world.clock.advance(1);
  await until(() => client.closed && proxies.stats().connections === 0);
  expect(proxies.stats().refused).toBe(1);
});

it("keeps clients for a while when there is no task, and serves them when one comes up", async () => {
  await using task = await namedTask("late");
  await publish();
  const client = await open();
  await until(() => proxies.stats().connections === 1);
  await world.clock.advance(2_900);
  targets.update(table(service("web", port, [endpoint({ task: "t1", hostPort: task.port })])));
  expect((await received(client)).toString()).toBe("late");
});

it("resets clients for whom no task came up in time", async () => {
  await publish();
  const client = await open();
  await until(() => proxies.stats().connections === 1);
  await world.clock.advance(3_000);
  await expect(once(client, "data")).rejects.toThrow("ECONNRESET");
  expect(proxies.stats()).toMatchObject({ refused: 1, connections: 0 });
});

it("tries tasks again that refused, until one takes the connection", async () => {
  const hostPort = await freePort();
  const waits = vi.spyOn(targets, "onceChanged");
  await publish(endpoint({ task: "starting", hostPort }));
  const client = await open();
  // The refusal takes the kernel's time, the next try the clock's.
  await until(() => waits.mock.calls.length === 1);
  await using _task = await tcpTask((socket) => socket.end("started"), hostPort);
  await world.clock.advance(249);
  expect(client.readableLength).toBe(0);
  await world.clock.advance(1);
  expect((await received(client)).toString()).toBe("started");
});

it("breaks the client's connection when the task's breaks", async () => {
  await using task = await tcpTask((socket) => {
    socket.write("half of");
    socket.once("data", () => socket.resetAndDestroy());
  });
  await publish(endpoint({ task: "t1", hostPort: task.port }));
  const client = await open();
  await once(client, "data");
  client.write("now");
  await expect(once(client, "end")).rejects.toThrow("ECONNRESET");
});

it("breaks the task's connection when the client's breaks", async () => {
  const broken = Promise.withResolvers<Error>();
  await using task = await tcpTask((socket) => {
    socket.write("hello");
    socket.once("error", broken.resolve);
    socket.resume();
  });
  await publish(endpoint({ task: "t1", hostPort: task.port }));
  const client = await open();
  await once(client, "data");
  client.resetAndDestroy();
  expect(String(await broken.promise)).toContain("ECONNRESET");
});

it("leaves connections alone when their endpoint is withdrawn, and sends new ones elsewhere", async () => {
  await using old = await echoTask();
  await using next = await namedTask("next");
  await publish(endpoint({ task: "old", hostPort: old.port }));
  const client = await open();
  client.write("before");
  await once(client, "data");
  await publish(endpoint({ task: "next", hostPort: next.port }));
  expect(await exchange(port)).toBe("next");
  client.end(" and after");
  expect((await received(client)).toString()).toBe(" and after");
});

it("ends connections to a dead node, and no others", async () => {
  await using task = await echoTask();
  const on = (node: string): Endpoint => endpoint({ task: node, node, hostPort: task.port });
  await publish(on("n1"));
  const lost = await open();
  lost.write("hello");
  await once(lost, "data");
  await publish(on("n2"));
  const kept = await open();
  kept.write("hello");
  await once(kept, "data");
  targets.avoid({ ...NO_SUSPECTS, deadNodes: new Set([nodeId("n1")]) });
  proxies.dropDead(new Set([nodeId("n1")]));
  await expect(once(lost, "end")).rejects.toThrow("ECONNRESET");
  kept.end("still here");
  expect((await received(kept)).toString()).toBe("still here");
});

it("closes the port at once when the service is gone, and lets connections end by themselves", async () => {
  await using task = await echoTask();
  await publish(endpoint({ task: "t1", hostPort: task.port }));
  const client = await open();
  client.write("hello");
  await once(client, "data");
  targets.update(table());
  proxies.render();
  await expect(exchange(port)).rejects.toThrow("ECONNREFUSED");
  expect(proxies.listeners()).toEqual([]);
  client.end("bye");
  expect((await received(client)).toString()).toBe("bye");
  await until(() => proxies.stats().connections === 0);
  expect(proxies.stats().connectionsTotal).toBe(1);
});

it("gives a port to another service with the table", async () => {
  await using one = await namedTask("one");
  await using two = await namedTask("two");
  await publish(endpoint({ task: "t1", hostPort: one.port }));
  expect(await exchange(port)).toBe("one");
  targets.update(table(service("other", port, [endpoint({ task: "t2", hostPort: two.port })])));
  proxies.render();
  expect(await exchange(port)).toBe("two");
});

it("says that a port is in use, and opens it once it is free", async () => {
  await using blocker = await tcpTask((socket) => socket.end("blocker"), port);
  await using task = await namedTask("task");
  targets.update(table(service("web", port, [endpoint({ task: "t1", hostPort: task.port })])));
  proxies.render();
  await until(() => proxies.listeners()[0]?.state === "failed");
  expect(proxies.listeners()).toEqual([
    { protocol: "tcp", port, state: "failed", error: `port ${String(port)}/tcp is in use by another program` },
  ]);
  expect(proxies.holds({ protocol: "tcp", publishedPort: port })).toBe(false);
  await blocker[Symbol.asyncDispose]();
  await world.clock.advance(250);
  await until(() => proxies.holds({ protocol: "tcp", publishedPort: port }));
  expect(await exchange(port)).toBe("task");
});

it("carries 500 connections at once while the table is swapped, and drops none", async () => {
  await using one = await echoTask();
  await using two = await echoTask();
  const both = [endpoint({ task: "t1", hostPort: one.port }), endpoint({ task: "t2", hostPort: two.port })];
  await publish(...both);
  const clients = await Promise.all(Array.from({ length: 500 }, () => open()));
  let swaps = 0;
  const swapping = setInterval(() => {
    swaps += 1;
    targets.update(table(service("web", port, swaps % 2 === 0 ? both : both.slice(swaps % 4 === 1 ? 1 : 0, 2))));
    proxies.render();
  }, 1);
  const message = Buffer.alloc(20_000, "m");
  const answers = await Promise.all(
    clients.map(async (client) => {
      client.write(message);
      await new Promise((resolve) => setImmediate(resolve));
      client.end(message);
      return (await received(client)).length;
    }),
  ).finally(() => clearInterval(swapping));
  expect(answers.every((length) => length === 40_000)).toBe(true);
  expect(proxies.stats()).toMatchObject({ connectionsTotal: 500, refused: 0 });
});

it("loses only the connections of a task that is killed under load", async () => {
  await using stays = await echoTask();
  const dies = await echoTask();
  await publish(endpoint({ task: "dies", hostPort: dies.port }), endpoint({ task: "stays", hostPort: stays.port }));
  const clients = await Promise.all(Array.from({ length: 100 }, () => open()));
  for (const client of clients) client.write("a");
  const first = await Promise.allSettled(clients.map((client) => once(client, "data")));
  expect(first.every(({ status }) => status === "fulfilled")).toBe(true);
  const outcomes = clients.map((client) => received(client));
  await dies[Symbol.asyncDispose]();
  for (const client of clients) client.end("b");
  const settled = await Promise.allSettled(outcomes);
  expect(
    settled.filter((outcome) => outcome.status === "fulfilled" && outcome.value.toString() === "b").length,
  ).toBeGreaterThanOrEqual(50);
  const later = await Promise.all(Array.from({ length: 20 }, () => exchange(port, "later")));
  expect(new Set(later)).toEqual(new Set(["later"]));
});

it("holds a fast sender back while its reader is slow", async () => {
  let sent = 0;
  await using task = await tcpTask((socket) => {
    const pour = (): void => {
      while (socket.write(Buffer.alloc(65_536))) sent += 65_536;
      socket.once("drain", pour);
    };
    pour();
  });
  await publish(endpoint({ task: "t1", hostPort: task.port }));
  const client = await open();
  client.pause();
  let before = -1;
  // What the kernel and both sides' buffers take, and not a byte more.
  while (sent !== before) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect(sent).toBeLessThan(64 * 1024 * 1024);
  client.destroy();
  await until(() => proxies.stats().connections === 0);
});
