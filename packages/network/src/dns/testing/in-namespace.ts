/**
 * A program of its own, for tests with real resolvers: they only speak to port 53 of what /etc/resolv.conf names. In
 * network and mount namespaces of its own it opens the server there, runs the commands that it is given as JSON, one
 * after the other, and prints what came of them as JSON.
 */
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeId, SeededRandom, silentLog, type Clock } from "@murmur/base";
import { networkId, taskId, type Endpoint, type EndpointTable } from "@murmur/model";
import { service, table, until } from "../../fixture.ts";
import { DnsServer } from "../server.ts";

export interface CommandResult {
  readonly code: number | null;
  readonly output: string;
}

const endpoint = (slot: number, address: string): Endpoint => ({
  taskId: taskId(`task${String(slot)}`),
  slot,
  nodeId: nodeId("n1"),
  address,
  ports: [{ protocol: "tcp", targetPort: 8_080, hostPort: 30_000 + slot }],
});

function namesOfTest(): EndpointTable {
  const web = service("web", 80, [endpoint(1, "10.9.0.1"), endpoint(2, "10.9.0.2"), endpoint(3, "fd00:9::3")]);
  const many = service(
    "many",
    81,
    Array.from({ length: 60 }, (_, index) => endpoint(index + 1, `10.9.1.${String(index)}`)),
  );
  const back = { id: networkId("back"), name: "back" };
  const named = { ...web, named: [{ name: "http", protocol: "tcp" as const, targetPort: 8_080 }] };
  const database = {
    ...service("database", 82, [endpoint(1, "10.9.2.1")]),
    networks: [{ networkId: back.id, aliases: ["db"] }],
  };
  const whole = table(named, many, database);
  return { ...whole, networks: [...whole.networks, back] };
}

const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** The two files that the C library reads, over the machine's own, in this namespace only. */
async function configure(folder: string): Promise<void> {
  const files = {
    "resolv.conf": "nameserver 127.0.0.1\nsearch murmur.internal\noptions timeout:2 attempts:1\n",
    "nsswitch.conf": "hosts: dns\n",
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
    await ok("mount", "--bind", join(folder, name), `/etc/${name}`);
  }
}

/** A server upstream that knows `outside.example`, and no other name. */
async function openUpstream(port: number): Promise<{ close(): void }> {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, from) => {
    const knows = bytes.toString("latin1").toLowerCase().includes("\u0007outside\u0007example\0\0\u0001");
    const end = bytes.indexOf(0, 12) + 5;
    const answer = Buffer.concat([bytes.subarray(0, end), knows ? ANSWER : Buffer.alloc(0)]);
    answer.writeUInt16BE(knows ? 0x8180 : 0x8183, 2);
    for (const [at, count] of [
      [6, knows ? 1 : 0],
      [8, 0],
      [10, 0],
    ] as const)
      answer.writeUInt16BE(count, at);
    socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(port, "127.0.0.1", resolve));
  return socket;
}
/** A, class IN, 60 s, 192.0.2.80; the name is the question's. */
const ANSWER = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 80]);

const run = (command: readonly string[]): Promise<CommandResult> =>
  new Promise((resolve) => {
    const [file = "", ...args] = command;
    execFile(file, args, { timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : null;
      resolve({ code, output: stdout + stderr });
    });
  });

/** A machine that didn't let this process run for so long stood still. */
const STILL_MS = 1_000;
const TICK_MS = 50;
const TRIES = 5;
/** How dig, busybox and getent say that they heard nothing; getent says nothing else. */
const isSilence = ({ code, output }: CommandResult): boolean =>
  /timed out|no servers could be reached/.test(output) || (code === 2 && output === "");

/** Resolvers give up after a few seconds: who heard nothing while the machine stood still asks anew, and nobody else. */
async function ask(command: readonly string[]): Promise<CommandResult> {
  for (let tries = 1; ; tries += 1) {
    let stoodStill = false;
    let last = performance.now();
    const timer = setInterval(() => {
      stoodStill ||= performance.now() - last > STILL_MS;
      last = performance.now();
    }, TICK_MS);
    const result = await run(command);
    clearInterval(timer);
    stoodStill ||= performance.now() - last > STILL_MS;
    if (!isSilence(result) || !stoodStill || tries === TRIES) return result;
  }
}

async function ok(...command: readonly string[]): Promise<void> {
  const { code, output } = await run(command);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${output}`);
}

async function main(commands: readonly (readonly string[])[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "murmur-dns-"));
  try {
    await ok("ip", "link", "set", "lo", "up");
    // The C library asks for addresses of a family only when the machine has one of it, beside 127.0.0.1.
    for (const own of ["10.9.255.1/32", "fd00:9:ffff::1/128"]) await ok("ip", "addr", "add", own, "dev", "lo");
    await configure(folder);
    const upstream = await openUpstream(5_353);
    const options = { clock: realClock, random: new SeededRandom(1), log: silentLog, ownAddresses: true };
    const server = new DnsServer({ address: "127.0.0.1:53", upstreams: ["127.0.0.1:5353"], ...options });
    server.update(namesOfTest());
    server.start();
    await until(() => server.listeners()[0]?.state === "listening");
    const results: CommandResult[] = [];
    for (const command of commands) results.push(await ask(command));
    process.stdout.write(JSON.stringify(results));
    await server[Symbol.asyncDispose]();
    upstream.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main(JSON.parse(process.argv[2] ?? "[]") as readonly (readonly string[])[]);
