import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { DaemonSide, type Answer } from "./comparison/daemon-side.ts";
import { LoneHost } from "./comparison/lone-host.ts";
import { filtered } from "./comparison/step.ts";
import { RawClient } from "./testing/raw-client.ts";

/* A daemon with an engine of its own, and clients that do everything wrong. Needs root and the engine's programs. */

const IMAGE = "murmur/web:latest";
const STREAMS = 1_000;
const LOG_STREAMS = 200;
/** What so many clients may take of the daemon's heap, without its garbage: below 110 KiB each. */
const HEAP_BYTES_MAX = 128 * 1024 * 1024;
const WAIT_MS = 60_000;
/** How long, after all else was done, requests that don't come to an end may still be waited for. */
const HALF_MS = 40_000;

let host: LoneHost;
let daemon: ChildProcess;
let side: DaemonSide;
const started = new AsyncDisposableStack();
beforeAll(async () => {
  host = started.use(await LoneHost.start("abuse", [IMAGE]));
  const preload = new URL("testing/heap-on-signal.ts", import.meta.url).pathname;
  daemon = await host.startMurmur({
    NODE_OPTIONS: `--expose-gc --import=${preload}`,
    MURMUR_TEST_HEAP_FILE: heapFile(),
  });
  side = new DaemonSide(host.murmurSocket);
  expect((await side.take({ ask: "POST /swarm/init", body: { AdvertiseAddr: host.address } })).status).toBe(200);
}, 300_000);
afterAll(() => started.disposeAsync(), 120_000);

const post = (path: string, body: unknown): Promise<Answer> => side.take({ ask: `POST ${path}`, body });

/** One of the daemon's measures. */
async function measure(name: string): Promise<number> {
  const { body } = await side.take({ ask: "GET /murmur/metrics", version: "" });
  const [, value] = new RegExp(`^${name} (\\S+)$`, "m").exec(String(body)) ?? [];
  if (value === undefined) throw new Error(`there is no measure ${name}`);
  return Number(value);
}

const heapFile = (): string => join(host.folder, "heap");

/** The bytes of the daemon's heap that are in use, once nothing in it is garbage. */
async function heapBytes(): Promise<number> {
  await rm(heapFile(), { force: true });
  expect(daemon.kill("SIGUSR2")).toBe(true);
  await eventually("the daemon has collected its heap", () => existsSync(heapFile()));
  return Number(await readFile(heapFile(), "utf8"));
}

async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const until = performance.now() + WAIT_MS;
  while (!(await holds())) {
    if (performance.now() > until) throw new Error(`still not so: ${what}`);
    await sleep(100);
  }
}

const FULL = {
  Name: "full",
  Labels: { a: "b" },
  Mode: { Replicated: { Replicas: 0 } },
  UpdateConfig: { Parallelism: 1, Delay: 1_000_000, FailureAction: "pause", MaxFailureRatio: 0.5, Order: "stop-first" },
  EndpointSpec: {
    Mode: "vip",
    Ports: [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 18_200, PublishMode: "host" }],
  },
  TaskTemplate: {
    ContainerSpec: {
      Image: IMAGE,
      Labels: { x: "y" },
      Command: ["true"],
      Env: ["A=B"],
      Init: true,
      StopGracePeriod: 1_000_000_000,
      Mounts: [{ Type: "volume", Source: "v", Target: "/v", VolumeOptions: { Labels: { a: "b" }, NoCopy: true } }],
      Healthcheck: { Test: ["CMD", "true"], Interval: 1_000_000_000, Retries: 3 },
      DNSConfig: { Nameservers: ["192.0.2.53"] },
      Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }],
    },
    Resources: { Limits: { NanoCPUs: 1_000_000, MemoryBytes: 8_388_608 }, Reservations: { MemoryBytes: 4_194_304 } },
    RestartPolicy: { Condition: "any", Delay: 1, MaxAttempts: 1 },
    Placement: { Constraints: ["node.role==manager"], Preferences: [{ Spread: { SpreadDescriptor: "node.id" } }] },
    LogDriver: { Name: "none", Options: { a: "b" } },
    ForceUpdate: 1,
  },
};

type Path = readonly string[];

/** The places of a value: its fields, those in them, and so on. */
function placesIn(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([name, field]) => placesIn(field, [...at, name]))];
}

/** A copy with another value at a place. */
function withAt(value: unknown, [name, ...rest]: Path, other: unknown): unknown {
  if (name === undefined) return other;
  if (Array.isArray(value)) return value.map((one, at) => (String(at) === name ? withAt(one, rest, other) : one));
  const fields = value as Readonly<Record<string, unknown>>;
  return { ...fields, [name]: withAt(fields[name], rest, other) };
}

const WRONG = [null, true, -1, 1.5, 1e308, "x", "", [], {}, [[]], { nope: "x" }, "\u0000", "😀".repeat(2_000)] as const;

/** Makes a service of a body, which is taken or refused in words, and removes what came of it. */
async function makeOf(body: unknown): Promise<void> {
  const { status, body: answer } = await post("/services/create", body);
  const { ID, message } = answer as { readonly ID?: string; readonly message?: string };
  if (status === 201) await side.take({ ask: `DELETE /services/${ID ?? ""}` });
  else
    expect([status, typeof message, JSON.stringify(body)]).toEqual([
      expect.toBeOneOf([400, 404, 409]),
      "string",
      expect.anything(),
    ]);
}

describe("what is no body of Docker's", () => {
  it("is refused in words, whatever stands at whatever place", async () => {
    for (const place of placesIn(FULL)) for (const wrong of WRONG) await makeOf(withAt(FULL, place, wrong));
  }, 300_000);

  it("is refused in words, whatever else it is", async () => {
    const anything = fc.tuple(fc.constantFrom(...placesIn(FULL)), fc.json({ maxDepth: 3 }));
    const check = fc.asyncProperty(anything, ([place, json]) => makeOf(withAt(FULL, place, JSON.parse(json))));
    await fc.assert(check, { numRuns: 300 });
  }, 300_000);

  it.each([
    ["cut off", '{"Name":'],
    ["no JSON", "not json"],
    ["deep lists", "[".repeat(200_000) + "]".repeat(200_000)],
    ["deep objects", '{"a":'.repeat(150_000) + "1" + "}".repeat(150_000)],
    ["deep in a field", `{"TaskTemplate":{"PluginSpec":${'{"a":'.repeat(150_000)}1${"}".repeat(150_000)}}}`],
    ["a field that is none", '{"__proto__":{"Name":"x"}}'],
    ["too long", `{"Name":"${"x".repeat(2 * 1024 * 1024)}"}`],
  ])("is a 400: %s", async (_, body) => {
    for (const path of ["/services/create", "/networks/create", "/secrets/create", "/swarm/update?version=1"]) {
      if (path === "/secrets/create" && body.length > 2_000_000) continue;
      const isEngines = path === "/networks/create";
      const answer = await post(path, body).catch((error: unknown) => {
        // The daemon has answered and closed while the rest was still on its way: so much as the kernel doesn't hold.
        expect(body.length).toBeGreaterThan(100_000);
        expect(["EPIPE", "ECONNRESET"]).toContain((error as NodeJS.ErrnoException).code);
      });
      if (answer !== undefined && !isEngines) expect([path, answer.status]).toEqual([path, 400]);
    }
  });
});

describe("clients that don't behave", () => {
  it("hold up nobody else, and leave nothing behind", async () => {
    // Who has a connection needs no place in the queue of new ones.
    using other = new DaemonSide(host.murmurSocket, { keepsConnection: true });
    const made = await post("/services/create", {
      Name: "talks",
      TaskTemplate: { ContainerSpec: { Image: IMAGE, Command: ["sh", "-c", "while :; do echo talk; sleep 1; done"] } },
    });
    expect(made.status).toBe(201);
    await eventually("its task runs", async () => {
      const { body } = await side.take({ ask: `GET ${filtered("/services", { name: ["talks"] })}&status=true` });
      const [service] = body as readonly { readonly ServiceStatus: { readonly RunningTasks: number } }[];
      return service?.ServiceStatus.RunningTasks === 1;
    });
    expect((await other.take({ ask: "GET /services" })).status).toBe(200);
    const before = { files: await measure("process_open_fds"), heap: await heapBytes() };

    const clients: RawClient[] = [];
    const open = async (...texts: (string | Uint8Array)[]): Promise<RawClient> => {
      const client = await RawClient.open(host.murmurSocket);
      clients.push(client);
      for (const text of texts) client.send(text);
      return client;
    };
    const asks = (path: string): string => `GET /v1.47${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const halfHead = await open("GET /v1.47/services HTTP/1.1\r\nHost: x\r\n");
    const halfBody = await open(
      "POST /v1.47/services/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    );
    const slowHead = await open("GET /v1.47/services HTTP/1.1\r\nX-Slow: ");
    const noHttp = await open("\u0016\u0003\u0001 this is TLS, or nothing\r\n\r\n");
    const endless = await open(
      "POST /v1.47/services/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    for (const client of clients) client.read();
    // After whatever has come is read: a write to a daemon that has closed takes its answer away with the connection.
    const slowly = setInterval(() => setImmediate(() => slowHead.text === "" && slowHead.send("G")), 1_000);
    onTestFinished(() => clearInterval(slowly));
    const megabyte = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(1024 * 1024, "x"), Buffer.from("\r\n")]);
    for (let sent = 0; sent < 3; sent += 1) endless.send(megabyte);

    // Half of them read nothing, ever.
    const streams: RawClient[] = [];
    // Of the cluster and of the engine, but nothing of the containers that other tests have left to be removed.
    const events = filtered("/events", { type: ["config", "plugin"] });
    for (let at = 0; at < STREAMS; at += 1) streams.push(await open(asks(events)));
    for (let at = 0; at < LOG_STREAMS; at += 1)
      streams.push(await open(asks("/services/talks/logs?follow=1&stdout=1&stderr=1")));
    for (const [at, client] of streams.entries()) if (at % 2 === 0) client.read();

    // Something to tell all of them about, and answers to others meanwhile.
    for (let at = 0; at < 20; at += 1) {
      const name = `noise-${String(at)}`;
      expect((await other.take({ ask: "POST /configs/create", body: { Name: name, Data: "eA==" } })).status).toBe(201);
      expect((await other.take({ ask: "GET /services" })).status).toBe(200);
      expect((await other.take({ ask: `DELETE /configs/${name}` })).status).toBe(204);
    }
    const heard = (text: string) => (client: RawClient) => client.text.includes(text);
    const reading = streams.filter((_client, at) => at % 2 === 0);
    await eventually("who reads is told", () => reading.slice(0, STREAMS / 2).every(heard("noise-19")));
    await eventually("who reads logs has them", () => reading.slice(STREAMS / 2).every(heard("talk")));
    const grown = (await heapBytes()) - before.heap;
    expect(grown).toBeLessThan(HEAP_BYTES_MAX);

    const half = { halfHead, halfBody, slowHead, noHttp, endless };
    const said = (): object =>
      Object.fromEntries(Object.entries(half).map(([name, { text }]) => [name, text.slice(9, 12)]));
    const told = { halfHead: "408", halfBody: "400", slowHead: "408", noHttp: "400", endless: "400" };
    await expect.poll(said, { timeout: HALF_MS, interval: 100 }).toEqual(told);

    for (const client of clients) client[Symbol.dispose]();
    // The engine's pool may keep a few of its connections open for the next.
    await eventually("all is given back", async () => (await measure("process_open_fds")) <= before.files + 16);
    expect((await side.take({ ask: "DELETE /services/talks" })).status).toBe(200);
  }, 420_000);
});
