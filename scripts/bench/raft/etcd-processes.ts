import { execFile, spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { cpuSeconds } from "./cpu.ts";
import { freePorts } from "./free-ports.ts";
import { killService, startService } from "./service.ts";

const MEMBERS = 3;
const START_LIMIT_MS = 30_000;
/** `check perf` writes for 60 s, then removes what it wrote. */
const CHECK_LIMIT_MS = 150_000;
const environment = { ...process.env, ETCDCTL_API: "3" };

/** What etcd's own check says of a cluster. */
export interface EtcdResult {
  readonly writesPerS: number;
  readonly slowestS: number;
  readonly deviationS: number;
  /** CPU of the three members. */
  readonly cpuS: number;
  /** CPU of the check itself. */
  readonly clientCpuS: number;
}

/** Rejects in one line that says what to install. */
export async function requireEtcd(): Promise<void> {
  for (const [program, what] of [
    ["etcd", "etcd-server"],
    ["etcdctl", "etcd-client"],
  ] as const) {
    try {
      await promisify(execFile)(program, ["--help"], { env: environment });
    } catch {
      throw new Error(`${program} is missing: install etcd to compare with (Debian: apt-get install ${what})`);
    }
  }
}

/** Starts three members over empty directories, runs etcd's largest check against all three, and stops them. */
export async function checkEtcd(directory: string): Promise<EtcdResult> {
  const ports = await freePorts(2 * MEMBERS);
  const urls = ports.map((port) => `http://127.0.0.1:${String(port)}`);
  const peers = urls.slice(0, MEMBERS);
  const clients = urls.slice(MEMBERS);
  const cluster = peers.map((url, at) => `m${String(at)}=${url}`).join(",");
  const members: ChildProcess[] = [];
  try {
    for (const [at, peer] of peers.entries())
      members.push(await startMember({ directory, name: `m${String(at)}`, peer, client: clients[at] ?? "", cluster }));
    const endpoints = clients.join(",");
    await untilHealthy(endpoints);
    const before = cpuOf(members);
    const { printed, cpuS: clientCpuS } = await check(endpoints);
    return { ...parseCheck(printed), cpuS: cpuOf(members) - before, clientCpuS };
  } finally {
    await Promise.all(members.map(killService));
  }
}

const cpuOf = (members: readonly ChildProcess[]): number => members.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);

interface MemberOptions {
  readonly directory: string;
  readonly name: string;
  readonly peer: string;
  readonly client: string;
  readonly cluster: string;
}

/** Everything that has to do with speed is left as etcd has it; each commit is synced. */
function startMember({ directory, name, peer, client, cluster }: MemberOptions): Promise<ChildProcess> {
  const flags = {
    name,
    "data-dir": join(directory, name),
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "initial-cluster": cluster,
    "initial-cluster-state": "new",
    logger: "zap",
    "log-level": "warn",
  };
  return startService(["etcd"], flags, join(directory, `${name}.log`));
}

async function untilHealthy(endpoints: string): Promise<void> {
  for (const until = performance.now() + START_LIMIT_MS; ; await sleep(200)) {
    try {
      await promisify(execFile)("etcdctl", ["--endpoints", endpoints, "endpoint", "health"], { env: environment });
      return;
    } catch (error) {
      if (performance.now() > until) throw new Error("etcd's members did not become healthy", { cause: error });
    }
  }
}

/** Its exit status says only whether the cluster reached goals of its own: what counts is what it prints. */
async function check(endpoints: string): Promise<{ readonly printed: string; readonly cpuS: number }> {
  const words = ["--endpoints", endpoints, "check", "perf", "--load=xl"];
  const client = spawn("etcdctl", words, {
    env: environment,
    timeout: CHECK_LIMIT_MS,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let cpuS = 0;
  const timer = setInterval(() => (cpuS = Math.max(cpuS, cpuSeconds(client.pid))), 500);
  const [printed, complaints] = await Promise.all([text(client.stdout), text(client.stderr)]);
  clearInterval(timer);
  return { printed: `${printed}\n${complaints}`, cpuS };
}

/** The figures in the lines that `etcdctl check perf` prints. */
function parseCheck(printed: string): Omit<EtcdResult, "cpuS" | "clientCpuS"> {
  const figure = (pattern: RegExp): number => {
    const found = pattern.exec(printed)?.[1];
    if (found === undefined) throw new Error(`etcdctl check perf failed: ${lastLines(printed)}`);
    return Number(found);
  };
  if (printed.includes("ERROR(")) throw new Error(`etcd refused writes: ${lastLines(printed)}`);
  return {
    writesPerS: figure(/Throughput (?:is|too low:) (\d+) writes\/s/),
    slowestS: figure(/Slowest request took (?:too long: )?([\d.]+)s/),
    deviationS: figure(/Stddev (?:is|too high:) ([\d.]+)s/),
  };
}

/** Without its bar, which is one long line. */
const lastLines = (text: string): string =>
  text
    .split("\n")
    .filter((line) => line.length < 300)
    .slice(-4)
    .join("; ");
