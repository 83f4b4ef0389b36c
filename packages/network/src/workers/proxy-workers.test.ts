import { once } from "node:events";
import { connect, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ManualClock, nodeId, type LogFields } from "@murmur/base";
import { taskId, type Endpoint } from "@murmur/model";
import { echoTask, endpoint, exchange, freePort, namedTask, received, service, table, until } from "../fixture.ts";
import { openTcpPort } from "../open-port.ts";
import { ProxyWorkers } from "./proxy-workers.ts";

const LOOK_MS = 500;
const PROGRAM = {
  path: new URL("testing/worker-program.ts", import.meta.url).pathname,
  args: ["self", "127.0.0.1"],
  execArgv: [],
};

let clock: ManualClock;
let lines: { readonly message: string; readonly fields: LogFields }[];
let busy: number;
let connections: number;
let workers: ProxyWorkers;
let port: number;
let key: string;

beforeEach(async () => {
  clock = new ManualClock();
  lines = [];
  busy = 1;
  connections = 100;
  port = await freePort();
  key = `tcp/${String(port)}`;
  workers = open();
});
afterEach(async () => {
  await workers[Symbol.asyncDispose]();
  expect(workers.count).toBe(0);
  expect(clock.pending).toBe(0);
});

function open(options: { readonly most?: number; readonly path?: string } = {}): ProxyWorkers {
  const { most = 1, path = PROGRAM.path } = options;
  const line = (message: string, fields: LogFields = {}): void => void lines.push({ message, fields });
  return new ProxyWorkers({
    program: { ...PROGRAM, path },
    most,
    busy: () => busy,
    connections: () => connections,
    clock,
    log: { debug: line, info: line, warn: line, error: line },
  });
}
const know = (...endpoints: readonly Endpoint[]): void =>
  workers.know({ table: table(service("web", port, endpoints)) });
const said = (text: string): boolean => lines.some(({ message }) => message.includes(text));
const pidOf = (): number => Number(lines.findLast(({ message }) => message.includes("was started"))?.fields["pid"]);

/** Opens the port as the daemon does. */
async function share(): Promise<Server> {
  const socket = await openTcpPort({ address: "127.0.0.1" }, port);
  workers.opened(key, socket);
  return socket;
}

/** Has a worker hired, and leaves the port to it alone. */
async function hired(...endpoints: readonly Endpoint[]): Promise<void> {
  know(...endpoints);
  const own = await share();
  await clock.advance(LOOK_MS);
  expect(workers.count).toBe(1);
  // A look more finds it serving once it has said that it knows what there is: then it has been given the socket.
  await until(() => workers.isServing);
  own.close();
}

async function client(): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

it("a worker carries connections of the daemon's socket, and counts them", async () => {
  await using task = await namedTask("hello");
  await hired(endpoint({ task: "t1", hostPort: task.port }));
  expect([await exchange(port), await exchange(port)]).toEqual(["hello", "hello"]);
  await until(() => workers.stats().connectionsTotal === 2);
  expect(workers.stats()).toMatchObject({ connections: 0, refused: 0 });
});

it("what is settled every worker knows: nobody is sent to a task that was withdrawn, or is in the table no more", async () => {
  await using one = await namedTask("one");
  await using two = await namedTask("two");
  const both = [endpoint({ task: "t1", hostPort: one.port }), endpoint({ task: "t2", hostPort: two.port, node: "n2" })];
  await hired(...both);
  expect(workers.settled()).toBeUndefined();
  const answers = async (): Promise<ReadonlySet<string>> =>
    new Set(await Promise.all(Array.from({ length: 20 }, () => exchange(port))));
  expect(await answers()).toEqual(new Set(["one", "two"]));
  workers.know({ suspects: { withdrawn: new Set([taskId("t1")]), deadNodes: new Set() } });
  await workers.settled();
  expect(await answers()).toEqual(new Set(["two"]));
  workers.know({ suspects: { withdrawn: new Set(), deadNodes: new Set([nodeId("n2")]) } });
  await workers.settled();
  expect(await answers()).toEqual(new Set(["one"]));
  workers.know({ suspects: { withdrawn: new Set(), deadNodes: new Set() } });
  // Of many that follow one another only the newest has to arrive.
  for (let count = 0; count < 100; count += 1) know(...both);
  know(...both.slice(1));
  await workers.settled();
  expect(await answers()).toEqual(new Set(["two"]));
});

it("what was withdrawn before there was a table, or a worker, no worker sends anything to", async () => {
  await using one = await namedTask("one");
  await using two = await namedTask("two");
  workers.know({ suspects: { withdrawn: new Set([taskId("t1")]), deadNodes: new Set() } });
  await hired(...[one, two].map((task, at) => endpoint({ task: `t${String(at + 1)}`, hostPort: task.port })));
  const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(port)));
  expect(new Set(answers)).toEqual(new Set(["two"]));
});

it("connections to a node that is dead break", async () => {
  await using task = await echoTask();
  await hired(endpoint({ task: "t1", hostPort: task.port, node: "gone" }));
  const socket = await client();
  socket.write("x");
  await once(socket, "data");
  workers.know({ suspects: { withdrawn: new Set(), deadNodes: new Set([nodeId("gone")]) } });
  await expect(received(socket)).rejects.toThrow("ECONNRESET");
});

it("a port that is closed is closed in the worker, too; what is under way goes on", async () => {
  await using task = await echoTask();
  await hired(endpoint({ task: "t1", hostPort: task.port }));
  const socket = await client();
  socket.write("before ");
  await once(socket, "data");
  workers.closed(key);
  know();
  await workers.settled();
  await expect(exchange(port)).rejects.toThrow("ECONNREFUSED");
  socket.end("after");
  expect((await received(socket)).toString()).toBe("after");
});

it("none is started while the daemon has time, or few connections, or no port; and no more than there may be", async () => {
  await clock.advance(10 * LOOK_MS);
  busy = 0.5;
  know();
  const socket = await share();
  await clock.advance(10 * LOOK_MS);
  [busy, connections] = [1, 3];
  await clock.advance(10 * LOOK_MS);
  expect(workers.count).toBe(0);
  connections = 8;
  await clock.advance(10 * LOOK_MS);
  await until(() => workers.isServing);
  await clock.advance(10 * LOOK_MS);
  expect(workers.count).toBe(1);
  socket.close();
});

it("one after the other is started, as long as the daemon has too much to do", async () => {
  await workers[Symbol.asyncDispose]();
  workers = open({ most: 2 });
  know();
  const socket = await share();
  await clock.advance(LOOK_MS);
  await clock.advance(LOOK_MS);
  // The first one is still being started.
  expect(workers.count).toBe(1);
  await until(() => workers.isServing);
  await clock.advance(LOOK_MS);
  expect(workers.count).toBe(2);
  socket.close();
});

it("one that has had nothing to do for ten minutes goes, when the connections through it have ended", async () => {
  await using task = await echoTask();
  await hired(endpoint({ task: "t1", hostPort: task.port }));
  busy = 0;
  const socket = await client();
  await until(() => workers.stats().connections === 1);
  await clock.advance(700_000);
  expect(said("nothing to do")).toBe(false);
  socket.end("last");
  expect((await received(socket)).toString()).toBe("last");
  await until(() => workers.stats().connections === 0);
  await clock.advance(601_000);
  expect(said("nothing to do")).toBe(true);
  await until(() => workers.count === 0);
  await expect(exchange(port)).rejects.toThrow("ECONNREFUSED");
  expect(said("failed")).toBe(false);
  expect(workers.stats().connectionsTotal).toBe(1);
});

it("one that ends by itself is missed by nobody, and the next is started a minute later", async () => {
  await using task = await namedTask("hello");
  await hired(endpoint({ task: "t1", hostPort: task.port }));
  await exchange(port);
  await until(() => workers.stats().connectionsTotal === 1);
  process.kill(pidOf(), "SIGKILL");
  await until(() => workers.count === 0);
  const socket = await share();
  expect(workers.settled()).toBeUndefined();
  expect(workers.stats()).toMatchObject({ connections: 0, connectionsTotal: 1 });
  expect(said("the daemon goes on without it")).toBe(true);
  await clock.advance(59_000);
  expect(workers.count).toBe(0);
  await clock.advance(2_000);
  expect(workers.count).toBe(1);
  socket.close();
});

it("one that doesn't learn what is new is ended: a withdrawal waits for two seconds at the most", async () => {
  await hired();
  process.kill(pidOf(), "SIGSTOP");
  know();
  let isSettled = false;
  const settled = workers.settled()?.then(() => (isSettled = true));
  await clock.advance(1_900);
  expect(isSettled).toBe(false);
  await clock.advance(200);
  await settled;
  expect(said("doesn't answer")).toBe(true);
});

it("a program that can't be run is a failure, and no more", async () => {
  await workers[Symbol.asyncDispose]();
  workers = open({ path: "/no/such/program.ts" });
  know();
  const socket = await share();
  await clock.advance(LOOK_MS);
  await until(() => said("the daemon goes on without it"));
  expect(workers.count).toBe(0);
  socket.close();
});

it("with the daemon's ports all workers end, and their connections break", async () => {
  await using task = await echoTask();
  await hired(endpoint({ task: "t1", hostPort: task.port }));
  const socket = await client();
  socket.write("x");
  await once(socket, "data");
  const broken = expect(received(socket)).rejects.toThrow("ECONNRESET");
  const pid = pidOf();
  await workers[Symbol.asyncDispose]();
  await broken;
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});
