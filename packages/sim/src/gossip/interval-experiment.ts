import { SeededRandom, shuffled, type Millis } from "@murmur/base";
import type { SwimConfig } from "@murmur/gossip";
import type { Anomaly } from "./gossip-host.ts";
import { GossipWorld } from "./gossip-world.ts";

export interface IntervalExperiment {
  readonly seed: number;
  readonly config: Partial<SwimConfig>;
  readonly members: number;
  readonly anomaly: Anomaly;
  /** C: members with anomalies, all of them in step. */
  readonly anomalous: number;
  /** D: how long an anomaly lasts. */
  readonly anomalyMs: Millis;
  /** I: how long the member is well until its next one. */
  readonly intervalMs: Millis;
  /** The anomalies go on, in whole cycles, until this has passed. */
  readonly anomaliesMs: Millis;
}

/**
 * Failure events about members without anomalies. One event is one member that starts to hold one other dead: a death
 * that is believed by 127 members counts 127 times, and again when it is believed again after a refutation.
 */
export interface FalsePositives {
  /** The paper's FP: at any member. */
  readonly all: number;
  /** The paper's FP−: at members without anomalies. */
  readonly healthy: number;
}

/** Before the first anomaly. */
const QUIET_MS = 15_000;
/** What was said in the last anomaly still spreads. */
const AFTERMATH_MS = 10_000;
const DELAY_MEAN_MS = 0.5;

/**
 * The interval experiment of the Lifeguard paper (Dadgar, Phillips, Currey 2018, section V): some members get into an
 * anomaly, out of it, into the next. The same seed picks the same members for every configuration.
 */
export function runIntervalExperiment(experiment: IntervalExperiment): FalsePositives {
  const { seed, config, members, anomaly, anomalous, anomalyMs, intervalMs, anomaliesMs } = experiment;
  const numbers = Array.from({ length: members }, (_, number) => number);
  const ill = new Set(shuffled(numbers, new SeededRandom(seed)).slice(0, anomalous));
  const counts = { all: 0, healthy: 0 };
  const options = { seed, members, config, loss: 0, delayMeanMs: DELAY_MEAN_MS };
  const world: GossipWorld = new GossipWorld(options, (observer, report) => {
    if (report.kind !== "member" || report.change !== "dead" || ill.has(world.numberOf(report.member.id))) return;
    counts.all += 1;
    if (!ill.has(observer)) counts.healthy += 1;
  });
  world.run(QUIET_MS);
  const end = world.now + anomaliesMs;
  while (world.now < end) {
    for (const member of ill) world.holdUp(member, anomaly, anomalyMs);
    world.run(anomalyMs + intervalMs);
  }
  world.run(AFTERMATH_MS);
  return counts;
}
