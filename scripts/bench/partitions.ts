import { PartedCluster, type Healed } from "../../test/hosts/partitions.ts";
import { median, rounded, type Report } from "./report.ts";

const ROUNDS = Number(process.env["PARTITION_ROUNDS"] ?? 50);
const CUT_MS = 4_000;
const LIMIT_MS = 120_000;
/** Of heals that take longer the course is told. */
const SLOW_MS = 10_000;

/** Partitions and heals a cluster of the overlay again and again while its services change: how long until it is right. */
export async function partitions(): Promise<Report> {
  await using parted = await PartedCluster.open();
  const healed: Healed[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const outcome = await parted.round({ cutMs: CUT_MS, limitMs: LIMIT_MS });
    healed.push(outcome);
    const { partition, cleanMs, course } = outcome;
    console.error(`${String(round)}/${String(ROUNDS)} ${partition}: ${(cleanMs / 1_000).toFixed(1)} s`);
    if (cleanMs > SLOW_MS) for (const line of course) console.error(`  ${line}`);
  }
  const seconds = healed.map(({ cleanMs }) => cleanMs / 1_000);
  return {
    bench: "partitions",
    runs: ROUNDS,
    figures: {
      rounds: ROUNDS,
      found: healed.filter(({ problems }) => problems.length > 0).length,
      clean_s_p50: rounded(median(seconds)),
      clean_s_max: rounded(Math.max(...seconds)),
    },
    goals: { found: { most: 0 } },
    notes: [
      `Three hosts as containers on one machine; cut for ${String(CUT_MS / 1_000)} s: the leader, another host, two from each other, one way.`,
      `"found": heals after which something was still wrong ${String(LIMIT_MS / 1_000)} s later; a look itself is part of the times.`,
    ],
  };
}
