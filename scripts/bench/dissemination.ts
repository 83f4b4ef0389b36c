import { DEFAULT_CONFIG, type SwimConfig } from "@murmur/gossip";
import { runDisseminationExperiment, type Dissemination } from "@murmur/sim";
import { median, percentile, rounded, type Report } from "./report.ts";

const LOSS = 0.01;
const DELAY_MEAN_MS = 2;
const SEEDS = [1, 2];
const TRIALS_A_SEED = 25;
const QUIET_MS = 30_000;

/** The set-up of the published figure; all else is as we ship it. */
const PRESCRIBED: Partial<SwimConfig> = { gossipFanout: 3, gossipIntervalMs: 300 };
/** The slowest pace of exchanges: that of a cluster that has been calm for long. */
const calmExchangeMs = (members: number): number =>
  DEFAULT_CONFIG.exchangeIntervalMs * (1 + Math.ceil(Math.log2(members / 32)));

interface Measured {
  readonly times: readonly number[];
  readonly quiet: number;
  readonly busy: number;
  readonly overall: number;
}

/** The trials of all seeds together; a piece of news that did not reach everybody counts as endless. */
function measure(label: string, members: number, config: Partial<SwimConfig>): Measured {
  const runs = SEEDS.map((seed): Dissemination => {
    const exchangeHurryMs = calmExchangeMs(members);
    const warmUpMs = 1.5 * exchangeHurryMs;
    const world = { seed, members, config: { ...config, exchangeHurryMs }, loss: LOSS, delayMeanMs: DELAY_MEAN_MS };
    return runDisseminationExperiment({ ...world, trials: TRIALS_A_SEED, warmUpMs, quietMs: QUIET_MS });
  });
  const average = (rate: (run: Dissemination) => number): number =>
    runs.reduce((sum, run) => sum + rate(run), 0) / runs.length;
  const measured = {
    times: runs.flatMap(({ spreadMs }) => spreadMs.map((time) => time ?? Infinity)),
    quiet: average((run) => run.quietBytesPerS),
    busy: average((run) => run.busyBytesPerS),
    overall: average((run) => run.bytesPerS),
  };
  console.error(`${label}: median ${median(measured.times).toFixed(0)} ms`);
  return measured;
}

const line = (label: string, { times, quiet, busy }: Measured): string => {
  const spread = [median(times), percentile(times, 0.99), Math.max(...times)].map((time) =>
    time.toFixed(0).padStart(8),
  );
  return label.padEnd(30) + spread.join("") + quiet.toFixed(0).padStart(12) + busy.toFixed(0).padStart(12);
};

/** How long one piece of news takes to reach all members, and what members send. */
export function dissemination(): Promise<Report> {
  const n200 = measure("200 members", 200, PRESCRIBED);
  const n1000 = measure("1,000 members", 1_000, PRESCRIBED);
  const murmur200 = measure("200 members, as shipped", 200, {});
  const murmur1000 = measure("1,000 members, as shipped", 1_000, {});
  return Promise.resolve({
    bench: "dissemination",
    runs: n1000.times.length,
    figures: {
      n200_ms: rounded(median(n200.times)),
      n1000_ms: rounded(median(n1000.times)),
      bytes_per_s_node: rounded(n1000.overall),
      n200_max_ms: rounded(Math.max(...n200.times)),
      n1000_max_ms: rounded(Math.max(...n1000.times)),
      quiet_bytes_per_s_node: rounded(n1000.quiet),
      busy_bytes_per_s_node: rounded(n1000.busy),
      murmur_n200_ms: rounded(median(murmur200.times)),
      murmur_n1000_ms: rounded(median(murmur1000.times)),
    },
    goals: { n200_ms: { most: 3_616 } },
    notes: [
      `${"".padEnd(30)}${["p50 ms", "p99 ms", "max ms"].map((head) => head.padStart(8)).join("")}${"B/s quiet".padStart(12)}${"B/s busy".padStart(12)}`,
      line("200, each 300 ms", n200),
      line("1,000, each 300 ms", n1000),
      line(`200, each ${String(DEFAULT_CONFIG.gossipIntervalMs)} ms (shipped)`, murmur200),
      line(`1,000, each ${String(DEFAULT_CONFIG.gossipIntervalMs)} ms (shipped)`, murmur1000),
      `Fan-out 3, 1 % loss, delay exponential with mean ${String(DELAY_MEAN_MS)} ms; a publication of 32 bytes by a random member.`,
      "Bytes: sealed datagrams and state exchanges sent by an average member, without UDP, TCP and IP headers; busy: until nobody passes the news on any more; bytes_per_s_node: the 1,000 over quiet and busy times together.",
    ],
  });
}
