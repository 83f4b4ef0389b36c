import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { ManualClock, nodeId, SeededRandom, silentLog } from "@murmur/base";
import {
  networkId,
  serviceId,
  taskId,
  type Endpoint,
  type EndpointTable,
  type PortOptions,
  type PortProtocol,
  type ServiceEndpoints,
} from "@murmur/model";

/** What the tests of this package share: tables, and servers that stand for tasks. Nothing else imports it. */

const NETWORK = { id: networkId("net"), name: "default" };
const TARGET_PORT = 8080;

export const ports = () => ({
  self: nodeId("self"),
  clock: new ManualClock(),
  random: new SeededRandom(7),
  log: silentLog,
});

export interface EndpointOptions {
  readonly task: string;
  readonly hostPort: number;
  readonly node?: string;
  readonly address?: string;
  readonly protocol?: PortProtocol;
}

export function endpoint({
  task,
  hostPort,
  node = "node",
  address = "127.0.0.1",
  protocol = "tcp",
}: EndpointOptions): Endpoint {
  const offered = { protocol, targetPort: TARGET_PORT, hostPort };
  return { taskId: taskId(task), slot: 1, nodeId: nodeId(node), address, ports: [offered] };
}

/** A service that publishes its one port at `publishedPort`. */
export function service(
  name: string,
  publishedPort: number,
  endpoints: readonly Endpoint[],
  protocol: PortProtocol = "tcp",
): ServiceEndpoints {
  return {
    serviceId: serviceId(name),
    name,
    networks: [{ networkId: NETWORK.id, aliases: [] }],
    published: [{ protocol, targetPort: TARGET_PORT, publishedPort }],
    endpoints,
  };
}

/** The same with options of its ports. */
export const withOptions = (of: ServiceEndpoints, options: PortOptions): ServiceEndpoints => ({
  ...of,
  published: of.published.map((port) => ({ ...port, ...options })),
});

export const table = (...services: readonly ServiceEndpoints[]): EndpointTable => ({
  version: 1,
  networks: [NETWORK],
  services,
});

/** A task's TCP server, on a port of this process unless one is given. */
export async function tcpTask(
  serve: (socket: Socket) => void,
  wanted?: number,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    serve(socket);
  });
  const port = await listening(server, wanted ?? (await freePort()));
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A task that answers each connection with its name, and ends it. */
export const namedTask = (name: string): ReturnType<typeof tcpTask> => tcpTask((socket) => socket.end(name));

/** A task that sends back what it is sent, and ends when its client has. */
export const echoTask = (): ReturnType<typeof tcpTask> => tcpTask((socket) => socket.pipe(socket));

/** A task whose machine no longer accepts connections: its queue is full, and further ones get no answer at all. */
export async function deafTask(): Promise<{ readonly port: number } & AsyncDisposable> {
  const worker = new Worker(DEAF, { eval: true });
  const [port] = (await once(worker, "message")) as [number];
  // The kernel keeps one more than it was told.
  const filling = Array.from({ length: 4 }, () => connect({ host: "127.0.0.1", port }).on("error", () => {}));
  await Promise.all(filling.slice(0, 2).map((socket) => once(socket, "connect")));
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of filling) socket.destroy();
      await worker.terminate();
    },
  };
}
const DEAF = `
  const { parentPort } = require("node:worker_threads");
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

/** A task's UDP server, on a port of this process unless one is given. */
export async function udpTask(
  answer: (bytes: Buffer) => string | Uint8Array | undefined,
  wanted?: number,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, from) => {
    const reply = answer(bytes);
    if (reply !== undefined) socket.send(reply, from.port, from.address);
  });
  const port = wanted ?? (await freePort());
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  return {
    port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.close(resolve)),
  };
}

/** Below those that the kernel gives to clients: one of these it may give away between two lines of a test. */
const PORTS_FROM = 20_000;
/** Ports of one process, the first of which says that it has them. */
const PORTS_EACH = 500;
const RANGES = 20;
let ownPorts: Promise<number> | undefined;
let nextPort = 0;

/**
 * A port that nothing listens on now, neither for TCP nor for UDP, and that is nobody else's before long: tests of other
 * processes, of another run, too, have theirs.
 */
export async function freePort(): Promise<number> {
  const first = await (ownPorts ??= claimPorts());
  for (let tries = 1; tries < PORTS_EACH; tries += 1) {
    const port = first + 1 + (nextPort++ % (PORTS_EACH - 1));
    if (await isFree(port)) return port;
  }
  throw new Error(`none of the ports from ${String(first)} on is free`);
}

/** Takes the first range that no other process has, for as long as this one lives. */
async function claimPorts(): Promise<number> {
  for (let range = 0; range < RANGES; range += 1) {
    const first = PORTS_FROM + range * PORTS_EACH;
    const server = createServer().unref();
    if (await listening(server, first).catch(() => undefined)) return first;
  }
  throw new Error(`other processes have all ports from ${String(PORTS_FROM)} on: are tests left running?`);
}

async function isFree(port: number): Promise<boolean> {
  try {
    await using _tcp = await tcpTask(() => {}, port);
    await using _udp = await udpTask(() => undefined, port);
    return true;
  } catch {
    return false;
  }
}

async function listening(server: Server, port: number): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return port;
}

/** What a connection gives until it ends; rejects when it breaks. */
export async function exchange(port: number, ...sent: readonly (string | Uint8Array)[]): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  for (const part of sent) socket.write(part);
  socket.end();
  return (await received(socket)).toString();
}

export async function received(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Longer than a busy machine keeps a test waiting, and shorter than vitest waits, which can't say for what. */
const UNTIL_MS = 45_000;

/** Waits until something holds that the kernel brings about. */
export async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + UNTIL_MS;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited in vain until ${String(holds)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
