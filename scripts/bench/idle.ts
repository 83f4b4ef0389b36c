import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "../../test/hosts/host.ts";
import { HostCluster } from "../../test/hosts/host-cluster.ts";
import { median, rounded, type Report } from "./report.ts";
import { specOf, untilRunning } from "./services.ts";

const TASKS = 30;
const SETTLE_MS = 30_000;
const WINDOW_MS = 20_000;
const WINDOWS = 5;
const TICKS_PER_S = 100;

interface Sample {
  readonly rssMb: number;
  /** CPU used so far, in seconds. */
  readonly cpuS: number;
}

/** Resident memory and CPU of the Murmur process, as the kernel counts them. */
async function sample(host: Host): Promise<Sample> {
  const text = await host.ok(
    "sh",
    "-c",
    "p=$(cat /run/murmur-node/murmur.pid); grep VmRSS /proc/$p/status; cat /proc/$p/stat",
  );
  const rssKb = Number(/VmRSS:\s+(\d+)/.exec(text)?.[1]);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { rssMb: rssKb / 1_024, cpuS: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S };
}

/** What an idle node process costs in a cluster of three with thirty tasks; the leader's host is among the samples. */
export async function idle(): Promise<Report> {
  await using cluster = await HostCluster.of(3);
  await cluster.first.client.createService(specOf("idle", TASKS));
  await untilRunning(cluster.first, "idle", TASKS);
  await sleep(SETTLE_MS);
  const rss: number[] = [];
  const cpu: number[] = [];
  for (let window = 0; window < WINDOWS; window += 1) {
    const before = await Promise.all(cluster.hosts.map(sample));
    await sleep(WINDOW_MS);
    const after = await Promise.all(cluster.hosts.map(sample));
    for (const [index, { rssMb, cpuS }] of after.entries()) {
      rss.push(rssMb);
      cpu.push(((cpuS - (before[index]?.cpuS ?? cpuS)) / (WINDOW_MS / 1_000)) * 100);
    }
  }
  return {
    bench: "idle",
    runs: WINDOWS,
    figures: {
      rss_mb: rounded(median(rss)),
      cpu_percent: rounded(median(cpu)),
      rss_mb_max: rounded(Math.max(...rss)),
      cpu_percent_max: rounded(Math.max(...cpu)),
    },
    goals: { rss_mb: { most: 120 }, cpu_percent: { most: 2 } },
    notes: [
      `Three managers as containers, ${String(TASKS)} tasks, ${String(WINDOWS)} windows of ${String(WINDOW_MS / 1_000)} s; median over nodes and windows; percent of one core.`,
    ],
  };
}
