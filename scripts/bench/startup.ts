import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { HostCluster } from "../../test/hosts/host-cluster.ts";
import { median, rounded, type Report } from "./report.ts";
import { specOf } from "./services.ts";

const RUNS = 25;
const WARMUPS = 3;
const root = resolve(import.meta.dirname, "../..");

/** Wall time of whole processes, in milliseconds. */
function timed(...args: string[]): number[] {
  const samples: number[] = [];
  for (let run = 0; run < WARMUPS + RUNS; run += 1) {
    const start = performance.now();
    execFileSync(join(root, "bin/murmur"), args, { stdio: "ignore" });
    if (run >= WARMUPS) samples.push(performance.now() - start);
  }
  return samples;
}

/** How long a person waits for the command line. */
export async function startup(): Promise<Report> {
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
  await using cluster = await HostCluster.of(1);
  for (let count = 0; count < 10; count += 1)
    await cluster.first.client.createService(specOf(`service-${String(count)}`, 0));
  const version = timed("--host", cluster.first.socket, "version");
  const list = timed("--host", cluster.first.socket, "service", "ls");
  return {
    bench: "startup",
    runs: RUNS,
    figures: { version_ms_p50: rounded(median(version)), service_ls_ms_p50: rounded(median(list)) },
    goals: { version_ms_p50: { most: 120 }, service_ls_ms_p50: { most: 200 } },
    notes: [
      "Whole processes from the bundle, through bin/murmur, with the daemon's answer; the list has ten services.",
    ],
  };
}
