import type { Host } from "../../test/hosts/host.ts";
import { HostCluster, WEB_IMAGE } from "../../test/hosts/host-cluster.ts";
import { median, rounded, type Report } from "./report.ts";
import { removeService, specOf, untilRunning } from "./services.ts";

const ROUNDS = 7;
const REPLICAS = 30;

/** The same number of containers by plain `docker run`, all hosts and all containers at once. */
async function rawRuns(hosts: readonly Host[]): Promise<number> {
  const each = REPLICAS / hosts.length;
  const script = `for i in $(seq ${String(each)}); do docker run -d --label raw=1 -p 8080 ${WEB_IMAGE} >/dev/null & done; wait`;
  const start = performance.now();
  await Promise.all(hosts.map((host) => host.ok("sh", "-c", script)));
  const taken = (performance.now() - start) / 1_000;
  await Promise.all(
    hosts.map((host) => host.ok("sh", "-c", "docker rm -f $(docker ps -aq --filter label=raw=1) >/dev/null")),
  );
  return taken;
}

async function created(cluster: HostCluster): Promise<number> {
  const start = performance.now();
  await cluster.first.client.createService(specOf("many", REPLICAS, 80));
  await untilRunning(cluster.first, "many", REPLICAS);
  const taken = (performance.now() - start) / 1_000;
  await removeService(cluster.hosts, "many");
  return taken;
}

/** Thirty replicas on three hosts, created to all running, beside thirty parallel `docker run`; the two take turns. */
export async function deploy(): Promise<Report> {
  await using cluster = await HostCluster.of(3);
  await rawRuns(cluster.hosts);
  await created(cluster);
  const raw: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    raw.push(await rawRuns(cluster.hosts));
    ours.push(await created(cluster));
    console.error(
      `round ${String(round + 1)}/${String(ROUNDS)}: raw ${String(rounded(raw.at(-1) ?? 0))} s, ours ${String(rounded(ours.at(-1) ?? 0))} s`,
    );
  }
  const ratios = ours.map((value, round) => value / (raw[round] ?? value));
  return {
    bench: "deploy",
    runs: ROUNDS,
    figures: {
      ratio_to_raw_p50: rounded(median(ratios)),
      ours_s_p50: rounded(median(ours)),
      raw_s_p50: rounded(median(raw)),
    },
    goals: { ratio_to_raw_p50: { most: 1.25 } },
    notes: [
      `${String(REPLICAS)} replicas with a published port on three hosts as containers; raw: as many parallel \`docker run -d -p\`.`,
    ],
  };
}
