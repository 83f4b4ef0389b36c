import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "../../test/hosts/host.ts";
import { HostCluster } from "../../test/hosts/host-cluster.ts";
import { median, rounded, type Report } from "./report.ts";
import { removeService, runningTasks, specOf, untilRunning } from "./services.ts";

const CUT_ROUNDS = 20;
const TASK_ROUNDS = 5;
const KILL_ROUNDS = 10;
const REPLICAS = 6;
const BURN_S = 60;
/** Busy loops on each host: twice the cores of the machine. */
const BURNERS = 4;

let writes = 0;

/** Tries to write through a host until it is accepted; the time since `start` in seconds. */
async function firstWrite(host: Host, start: number): Promise<number> {
  for (;;) {
    try {
      writes += 1;
      await host.client.createService(specOf(`write-${String(writes)}`, 0));
      return (performance.now() - start) / 1_000;
    } catch (error) {
      if (performance.now() - start > 60_000) throw error;
      await sleep(10);
    }
  }
}

/** All nodes are ready, and a new service is spread evenly over them, so that every host has something to lose. */
async function whole(cluster: HostCluster): Promise<void> {
  await cluster.settled();
  await removeService(cluster.hosts, "web");
  await cluster.first.client.createService(specOf("web", REPLICAS, 80));
  await untilRunning(cluster.first, "web", REPLICAS);
}

/** Cuts a host off; the times until a write is accepted and until all replicas run elsewhere. */
async function cutOff(
  cluster: HostCluster,
  victim: Host,
): Promise<{ readonly write: number; readonly running: number }> {
  const [survivor] = cluster.others(victim);
  if (survivor === undefined) throw new Error("nobody is left");
  const lost = (await survivor.client.nodes()).find(({ Description }) => Description?.Hostname === victim.name)?.ID;
  const had = (await runningTasks(survivor, "web")).filter((task) => task.NodeID === lost).length;
  if (had === 0) throw new Error(`${victim.name} has nothing to lose`);
  const start = performance.now();
  await victim.cut();
  try {
    const write = await firstWrite(survivor, start);
    await untilRunning(survivor, "web", REPLICAS, (task) => task.NodeID !== lost);
    return { write, running: (performance.now() - start) / 1_000 };
  } finally {
    await victim.heal();
    await whole(cluster);
  }
}

async function killLeader(cluster: HostCluster): Promise<number> {
  const leader = await cluster.leader();
  const [survivor] = cluster.others(leader);
  if (survivor === undefined) throw new Error("nobody is left");
  const start = performance.now();
  await leader.killMurmur();
  const write = await firstWrite(survivor, start);
  await whole(cluster);
  return write;
}

/** Burns all CPU on all hosts; nodes that were called down meanwhile, and tasks that were moved. */
async function burn(cluster: HostCluster): Promise<{ readonly downs: number; readonly moves: number }> {
  const idsOf = async (): Promise<readonly string[]> =>
    (await runningTasks(cluster.first, "web")).map(({ ID }) => ID ?? "");
  const before = await idsOf();
  const loops = Array.from({ length: BURNERS }, () => "(while :; do :; done) &").join(" ");
  const burning = cluster.hosts.map((host) =>
    host.run(["timeout", String(BURN_S), "sh", "-c", `${loops} wait`], { timeoutMs: (BURN_S + 30) * 1_000 }),
  );
  let downs = 0;
  const until = performance.now() + BURN_S * 1_000;
  let seen = new Set<string>();
  while (performance.now() < until) {
    const nodes = await cluster.first.client.nodes().catch(() => []);
    const down = new Set(nodes.filter(({ Status }) => Status?.State !== "ready").map(({ ID }) => ID ?? ""));
    downs += [...down].filter((id) => !seen.has(id)).length;
    seen = down;
    await sleep(250);
  }
  await Promise.all(burning);
  const after = await idsOf();
  return { downs, moves: before.filter((id) => !after.includes(id)).length };
}

/** How long a cluster of three hosts does without what it lost. */
export async function failover(): Promise<Report> {
  await using cluster = await HostCluster.of(3);
  await whole(cluster);
  const leaderCuts: { readonly write: number; readonly running: number }[] = [];
  for (let round = 0; round < CUT_ROUNDS; round += 1) {
    leaderCuts.push(await cutOff(cluster, await cluster.leader()));
    console.error(`leader cut ${String(round + 1)}/${String(CUT_ROUNDS)}: ${JSON.stringify(leaderCuts.at(-1))}`);
  }
  const workerCuts: number[] = [];
  for (let round = 0; round < TASK_ROUNDS; round += 1) {
    const leader = await cluster.leader();
    const [worker = leader] = cluster.others(leader);
    workerCuts.push((await cutOff(cluster, worker)).running);
    console.error(`worker cut ${String(round + 1)}/${String(TASK_ROUNDS)}: ${String(workerCuts.at(-1))}`);
  }
  const kills: number[] = [];
  for (let round = 0; round < KILL_ROUNDS; round += 1) {
    kills.push(await killLeader(cluster));
    console.error(`leader killed ${String(round + 1)}/${String(KILL_ROUNDS)}: ${String(kills.at(-1))}`);
  }
  const { downs, moves } = await burn(cluster);
  const leaderWrites = leaderCuts.map(({ write }) => write);
  return {
    bench: "failover",
    runs: TASK_ROUNDS,
    figures: {
      leader_cut_write_s_p50: rounded(median(leaderWrites)),
      leader_cut_write_s_max: rounded(Math.max(...leaderWrites)),
      worker_cut_running_s_p50: rounded(median(workerCuts)),
      leader_cut_running_s_p50: rounded(median(leaderCuts.map(({ running }) => running))),
      leader_kill_write_s_p50: rounded(median(kills)),
      false_downs: downs,
      false_moves: moves,
    },
    goals: {
      leader_cut_write_s_p50: { most: 2 },
      leader_cut_write_s_max: { most: 3 },
      worker_cut_running_s_p50: { most: 5 },
      leader_cut_running_s_p50: { most: 6 },
      leader_kill_write_s_p50: { most: 0.8 },
      false_downs: { most: 0 },
      false_moves: { most: 0 },
    },
    notes: [
      `Three hosts as containers, each with an engine of its own, on one machine; ${String(REPLICAS)} replicas; ${String(BURNERS)} busy loops a host for ${String(BURN_S)} s.`,
    ],
  };
}
