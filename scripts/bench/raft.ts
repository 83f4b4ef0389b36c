import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import type { MurmurClient } from "@murmur/api";
import { checkEtcd, requireEtcd, type EtcdResult } from "./raft/etcd-processes.ts";
import { serviceSpec, VALUE_LABEL, type LoadOrder, type LoadResult, type OwnService } from "./raft/load-order.ts";
import { MurmurProcesses } from "./raft/murmur-processes.ts";
import { rounded, type Report } from "./report.ts";

/** As `etcdctl check perf --load=xl`: so many clients, so long, 1 KiB each. */
const CLIENTS = 1_000;
const DURATION_MS = 60_000;
/** On a disk, unlike /tmp on many machines; both clusters use the same. */
const PLACE = process.env["BENCH_DIR"] ?? "/var/tmp";
const root = resolve(import.meta.dirname, "../..");

interface MurmurResult extends LoadResult {
  readonly cpuS: number;
  readonly lost: number;
  readonly lostAfterKill: number;
}

/** Durable writes by many clients: three etcd members, then three daemons, one after the other on the same disk. */
export async function raft(): Promise<Report> {
  await requireEtcd();
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
  const directory = await mkdtemp(join(PLACE, "murmur-bench-"));
  const load = loadavg()[0] ?? 0;
  try {
    const etcd = await checkEtcd(join(directory, "etcd"));
    await clean(join(directory, "etcd"));
    const murmur = await measureMurmur(join(directory, "murmur"));
    return reportOf(etcd, murmur, load);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What one cluster has left to be written back is not to slow the next one down. */
async function clean(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  execFileSync("sync");
}

async function measureMurmur(directory: string): Promise<MurmurResult> {
  await using cluster = await MurmurProcesses.start(directory);
  const services = await createServices(cluster.clients);
  const before = cluster.cpuS;
  const result = await writeFor({ sockets: cluster.sockets, services, durationMs: DURATION_MS });
  const cpuS = cluster.cpuS - before;
  const refusals = Object.entries(result.errors).map(([what, count]) => `${String(count)} × ${what}`);
  if (refusals.length > 0) throw new Error(`writes were refused: ${refusals.join("; ").slice(0, 400)}`);
  const lost = await missingIn(cluster.clients, result.written);
  await cluster.killAndRestart();
  return { ...result, cpuS, lost, lostAfterKill: await missingIn(cluster.clients, result.written) };
}

/** One object for each client, made through the member that the client will write to, before the clock runs. */
async function createServices(members: readonly MurmurClient[]): Promise<readonly OwnService[]> {
  const member = (at: number): MurmurClient => {
    const client = members[at % members.length];
    if (client === undefined) throw new Error("the cluster has members");
    return client;
  };
  const name = (at: number): string => `bench-${String(at)}`;
  const clients = Array.from({ length: CLIENTS }, (_none, at) => at);
  await Promise.all(clients.map((at) => member(at).createService(serviceSpec(name(at), ""))));
  const made = new Map((await member(0).services()).map((service) => [service.Spec.Name, service]));
  return clients.map((at) => {
    const service = made.get(name(at));
    if (service === undefined) throw new Error(`${name(at)} was acknowledged, and the cluster doesn't know it`);
    return { id: service.ID, name: name(at), version: service.Version.Index, value: "" };
  });
}

/** Runs the clients, in a process of their own. */
async function writeFor(order: LoadOrder): Promise<LoadResult> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "raft/load-process.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  child.stdin.end(JSON.stringify(order));
  // The other end is this bench's own program.
  return JSON.parse(await text(child.stdout)) as LoadResult;
}

/** How many acknowledged values are not what a member answers to a linearizable read, summed over the members. */
async function missingIn(clients: readonly MurmurClient[], written: readonly OwnService[]): Promise<number> {
  let missing = 0;
  for (const client of clients) {
    const values = new Map((await client.services()).map(({ ID, Spec }) => [ID, Spec.Labels?.[VALUE_LABEL]]));
    missing += written.filter(({ id, value }) => values.get(id) !== value).length;
  }
  return missing;
}

function reportOf(etcd: EtcdResult, murmur: MurmurResult, load: number): Report {
  const perWrite = (seconds: number, writes: number): number => Math.round((seconds * 1e6) / writes);
  const etcdWrites = (etcd.writesPerS * DURATION_MS) / 1_000;
  return {
    bench: "raft",
    runs: 1,
    figures: {
      writes_per_s: Math.round((murmur.writes * 1_000) / murmur.elapsedMs),
      etcd_writes_per_s: etcd.writesPerS,
      slowest_s: rounded(murmur.slowestMs / 1_000),
      etcd_slowest_s: rounded(etcd.slowestS),
      p50_s: rounded(murmur.p50Ms / 1_000),
      p99_s: rounded(murmur.p99Ms / 1_000),
      cpu_us_per_write: perWrite(murmur.cpuS, murmur.writes),
      etcd_cpu_us_per_write: perWrite(etcd.cpuS, etcdWrites),
      client_cpu_us_per_write: perWrite(murmur.cpuMs / 1_000, murmur.writes),
      etcd_client_cpu_us_per_write: perWrite(etcd.clientCpuS, etcdWrites),
      lost: murmur.lost,
      lost_after_kill: murmur.lostAfterKill,
      load_average: rounded(load),
    },
    goals: {
      writes_per_s: { least: etcd.writesPerS },
      slowest_s: { most: rounded(etcd.slowestS) },
      lost: { most: 0 },
      lost_after_kill: { most: 0 },
    },
    notes: [
      `${String(CLIENTS)} clients with a connection each, spread over three members, each waiting for its answer before`,
      `it writes again, for ${String(DURATION_MS / 1_000)} s; values of 1 KiB; every write synced by a majority before it is answered.`,
      "etcd: `etcdctl check perf --load=xl`, new keys over gRPC. Murmur: `POST /services/ID/update` on the daemons' sockets,",
      "the whole way through API, checks, leader, log and replica; each client has one service, and names its version.",
      "cpu_us_per_write is that of the three members. lost: acknowledged values that a linearizable read of any member",
      "does not show; after_kill: the same once all three were killed at once and started from their disks.",
    ],
  };
}
