/**
 * Measures the transport between two processes on this machine: `node packages/transport/bench/transport.ts`.
 * Prints a table, and as its last line one JSON object.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { nodeId, SeededRandom, silentLog } from "@murmur/base";
import { openPeerTransport, type PeerTransport } from "@murmur/transport";
import { systemClock, testIdentity, verifyTestPeer } from "../src/tls-test-world.ts";

const ALPHA = nodeId("alpha00000000000000000000");
const BRAVO = nodeId("bravo00000000000000000000");
const RUNS = 5;
const CALLS = 20_000;
const IN_FLIGHT = 64;
const BULK_BYTES = 32 * 1024;

const open = (name: "alpha" | "bravo", address: string | undefined): Promise<PeerTransport> =>
  openPeerTransport({
    listen: { host: "127.0.0.1", port: 0 },
    identity: () => testIdentity(name, name === "alpha" ? ALPHA : BRAVO),
    verifyPeer: verifyTestPeer,
    addressOf: () => address,
    software: "bench",
    clock: systemClock,
    random: new SeededRandom(Date.now()),
    log: silentLog,
  });

async function serve(): Promise<void> {
  const transport = await open("bravo", undefined);
  transport.handle("echo", async (_from, body) => body);
  transport.handleStream("bulk", async (_from, _body, stream) => {
    for await (const _message of stream);
  });
  process.send?.(transport.address);
}

async function start(): Promise<{ child: ChildProcess; transport: PeerTransport }> {
  const child = fork(fileURLToPath(import.meta.url), ["serve"]);
  const [address]: unknown[] = await once(child, "message");
  const transport = await open("alpha", String(address));
  await transport.call(BRAVO, "echo", 1);
  return { child, transport };
}

/** Calls of 1 KiB there and back, so many at once. */
async function callsPerSecond(transport: PeerTransport): Promise<number> {
  const body = new Uint8Array(1024);
  let left = CALLS;
  const startedAt = performance.now();
  const caller = async (): Promise<void> => {
    while ((left -= 1) >= 0) await transport.call(BRAVO, "echo", body);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
  return (CALLS / (performance.now() - startedAt)) * 1000;
}

/** How long small calls take, one each 5 ms, in ascending order. */
async function latencies(transport: PeerTransport, count: number): Promise<number[]> {
  const took: number[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    const startedAt = performance.now();
    await transport.call(BRAVO, "echo", turn);
    took.push(performance.now() - startedAt);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return took.sort((a, b) => a - b);
}

async function besideBulk(transport: PeerTransport): Promise<{ took: number[]; bulkMbPerSecond: number }> {
  const stream = await transport.open(BRAVO, "bulk", undefined);
  let written = 0;
  const writing = (async () => {
    const bytes = new Uint8Array(BULK_BYTES);
    for (;;) {
      await stream.write(bytes);
      written += bytes.length;
    }
  })().catch(() => {});
  const startedAt = performance.now();
  const took = await latencies(transport, 400);
  const bulkMbPerSecond = written / 1000 / (performance.now() - startedAt);
  stream.abort();
  await writing;
  return { took, bulkMbPerSecond };
}

/** From the kill of the other process to the event. */
async function killNoticed({ child, transport }: { child: ChildProcess; transport: PeerTransport }): Promise<number> {
  const down = new Promise<number>((resolve) => transport.onPeerDown(() => resolve(performance.now())));
  const killedAt = performance.now();
  child.kill("SIGKILL");
  return (await down) - killedAt;
}

const at = (sorted: readonly number[], part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? NaN;
const median = (values: readonly number[]): number =>
  at(
    values.toSorted((a, b) => a - b),
    0.5,
  );

async function measure(): Promise<void> {
  const rows: Record<string, number[]> = {};
  const add = (name: string, value: number): void => void (rows[name] ??= []).push(value);
  for (let run = 0; run < RUNS; run += 1) {
    const pair = await start();
    await callsPerSecond(pair.transport);
    add("calls_1k_per_s", await callsPerSecond(pair.transport));
    const idle = await latencies(pair.transport, 200);
    add("small_idle_ms_p50", at(idle, 0.5));
    add("small_idle_ms_p99", at(idle, 0.99));
    const { took, bulkMbPerSecond } = await besideBulk(pair.transport);
    add("small_beside_bulk_ms_p50", at(took, 0.5));
    add("small_beside_bulk_ms_p99", at(took, 0.99));
    add("bulk_mb_per_s", bulkMbPerSecond);
    add("kill_noticed_ms", await killNoticed(pair));
    await pair.transport[Symbol.asyncDispose]();
  }
  const figures = Object.fromEntries(Object.entries(rows).map(([name, values]) => [name, round(median(values))]));
  console.table(figures);
  console.log(JSON.stringify({ bench: "transport", runs: RUNS, figures }));
}

const round = (value: number): number => Math.round(value * 100) / 100;

await (process.argv[2] === "serve" ? serve() : measure());
