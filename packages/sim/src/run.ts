import { messageOf, type Millis } from "@murmur/base";
import { DEFAULT_SNAPSHOT_LIMITS, type SnapshotLimits } from "@murmur/manager";
import { allChecks } from "./checks/all-checks.ts";
import { becomeWhole } from "./checks/become-whole.ts";
import { leftovers } from "./checks/bounds-checks.ts";
import { Chaos } from "./faults/chaos.ts";
import { KERNEL_FAULTS } from "./faults/kernel-faults.ts";
import { PROFILES, type Profile, type ProfileName } from "./profile.ts";
import type { Host } from "./world/host.ts";
import type { Observer } from "./world/observer.ts";
import { TraceHash } from "./world/trace-hash.ts";
import { randomFor, World } from "./world/world.ts";
import { Workload } from "./workload/workload.ts";

export interface RunOptions {
  readonly seed: number;
  /** Hosts; undefined: three to nine, as the seed has it. */
  readonly nodes: number | undefined;
  readonly profile: ProfileName;
  /** How long things go wrong, in simulated time. */
  readonly faultMs: Millis;
  /** A snapshot is due every moment. Default: as the seed has it. */
  readonly frequentSnapshots?: boolean;
  /** Makes a watcher of the run, for a trace. */
  readonly trace?: (world: World) => Observer;
}

export interface RunResult {
  readonly seed: number;
  /** Why it failed; undefined when it didn't. */
  readonly failure: { readonly message: string; readonly atMs: Millis; readonly phase: Phase } | undefined;
  readonly simulatedMs: Millis;
  readonly events: number;
  /** The same for each run of the same seed. */
  readonly hash: string;
}

type Phase = "setup" | "faults" | "healing" | "checking";

/** One seed of so many has a cluster whose networks, services and tasks have addresses. */
const OVERLAY_ONE_OF = 3;
/** A log is cut after at least so many entries, and at most 32 times as many. */
const LEAST_ENTRIES = 40;
const FREQUENT_SNAPSHOTS: SnapshotLimits = { ...DEFAULT_SNAPSHOT_LIMITS, entries: 60, trailingEntries: 10 };

const SETUP_MS: Millis = 30_000;
/**
 * One run, in two phases as TigerBeetle's VOPR has them: first things go wrong and nothing that was promised may be
 * broken (safety); then all is made well but for what a cluster must do without, and it must become whole (liveness).
 */
export async function simulate(options: RunOptions): Promise<RunResult> {
  const { seed, faultMs } = options;
  const profile: Profile = PROFILES[options.profile];
  const random = randomFor(seed, "run");
  const drift = randomFor(seed, "drift");
  const clockError = (): Host["clockError"] => ({ rate: 1 + (2 * drift.next() - 1) * profile.clockDrift, wallMs: 0 });
  const { release } = profile;
  const nodes = options.nodes ?? 3 + random.below(7);
  const hostSize = hostSizeOf(seed, nodes);
  const snapshotLimits = options.frequentSnapshots === true ? FREQUENT_SNAPSHOTS : snapshotLimitsOf(seed);
  const dataPlane = profile.dataPlane ?? (randomFor(seed, "plane").below(OVERLAY_ONE_OF) === 0 ? "overlay" : "ports");
  const like = { seed, clockError, hostSize, snapshotLimits, dataPlane } as const;
  const world = new World({
    ...like,
    ...(release !== undefined && { release }),
    ...(profile.sealed === true && { sealed: true }),
  });
  const hash = new TraceHash(world);
  const checks = allChecks(world);
  world.observers.push(hash, ...checks.observers);
  if (options.trace !== undefined) world.observers.push(options.trace(world));
  let phase: Phase = "setup";
  let failure: RunResult["failure"];
  let simulatedMs: Millis | undefined;
  try {
    await settle(world, nodes);
    const faults = profile.faults.filter((fault) => dataPlane === "overlay" || !KERNEL_FAULTS.includes(fault));
    const chaos = new Chaos({ world, ...profile, faults, excuse: (host) => checks.excuse(host) });
    const workload = new Workload(world);
    phase = "faults";
    chaos.start();
    workload.start();
    await world.pass(faultMs);
    phase = "healing";
    workload.stop();
    chaos.heal();
    await world.during(workload.settle());
    await becomeWhole(world);
    await world.during(workload.readOnceMore());
    phase = "checking";
    const problems = [...workload.problems(), ...(await world.during(workload.unrefused()))];
    if (problems.length > 0) throw new Error(problems.join("\n"));
    checks.final();
    chaos.end();
    for (const host of world.running) await world.during(host.stop());
    // What passes now, with no process left, is no time that anything was simulated in.
    simulatedMs = world.queue.now;
    const left = await leftovers(world);
    if (left.length > 0) throw new Error(`left behind: ${left.join("; ")}`);
  } catch (error) {
    failure = { message: messageOf(error), atMs: world.queue.now, phase };
    if (!(error instanceof Error) || process.env["SIM_STACK"] !== undefined) console.error(error);
  }
  return { seed, failure, simulatedMs: simulatedMs ?? world.queue.now, events: world.events, hash: hash.value };
}

/** In one seed of so many, hosts are so much smaller that the clients want more than there is. */
const SCARCE_ONE_OF = 8;
const SCARCE = 1 / 4;

/** What the clients want fits on three hosts at the most, but where room is scarce: there much of it must wait. */
const hostSizeOf = (seed: number, nodes: number): number =>
  Math.max(1, 3 / nodes) * (randomFor(seed, "size").below(SCARCE_ONE_OF) === 0 ? SCARCE : 1);

/** A run writes some hundred entries: with the limits that clusters have, there would never be a snapshot. */
function snapshotLimitsOf(seed: number): SnapshotLimits {
  const random = randomFor(seed, "snapshots");
  const entries = LEAST_ENTRIES * 2 ** random.below(6);
  return { ...DEFAULT_SNAPSHOT_LIMITS, entries, trailingEntries: random.below(entries / 2) };
}

/** A cluster of so many hosts that has its managers. */
async function settle(world: World, nodes: number): Promise<void> {
  const first = world.addHost();
  await world.found(first);
  const rest = Array.from({ length: nodes - 1 }, () => world.addHost());
  await world.during(Promise.all(rest.map((host) => world.join(host))));
  const wanted = nodes < 3 ? 1 : 3;
  const took = await world.until(() => votersOf(world) === wanted, SETUP_MS);
  if (took === undefined) throw new Error(`not ${String(wanted)} voters within ${String(SETUP_MS)} ms`);
}

const votersOf = (world: World): number => world.leader?.manager?.status().membership.voters.length ?? 0;
