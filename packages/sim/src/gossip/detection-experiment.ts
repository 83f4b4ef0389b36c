import { assert, SeededRandom, shuffled, type Millis } from "@murmur/base";
import type { SwimConfig } from "@murmur/gossip";
import { GossipWorld } from "./gossip-world.ts";

export interface DetectionExperiment {
  readonly seed: number;
  readonly config: Partial<SwimConfig>;
  readonly members: number;
  /** Members that die, one after the other. */
  readonly failures: number;
}

/** From a process's death on. */
export interface Detection {
  /** Until the first member holds it dead. */
  readonly firstMs: Millis;
  /** Until all do. */
  readonly allMs: Millis;
}

const QUIET_MS = 15_000;
/** Longer than the longest suspicion of a member that nobody else suspects. */
const WAIT_MAX_MS = 120_000;
/** After one death is known, until the next: its news are no news any more. */
const PAUSE_MS = 3_000;
const DELAY_MEAN_MS = 0.5;

/** Kills members of a quiet cluster, at random moments of their periods. */
export function runDetectionExperiment({ seed, config, members, failures }: DetectionExperiment): Detection[] {
  const random = new SeededRandom(seed);
  const numbers = Array.from({ length: members }, (_, number) => number);
  const died = new Set<number>();
  let seenAt: Millis[] = [];
  let watched = -1;
  const options = { seed, members, config, loss: 0, delayMeanMs: DELAY_MEAN_MS };
  const world: GossipWorld = new GossipWorld(options, (_, report, now) => {
    if (report.kind !== "member" || report.change !== "dead") return;
    if (world.numberOf(report.member.id) === watched) seenAt.push(now);
  });
  world.run(QUIET_MS);
  return shuffled(numbers, random)
    .slice(0, failures)
    .map((victim) => {
      world.run(PAUSE_MS + random.next() * 1_000);
      const diedAt = world.now;
      watched = victim;
      seenAt = [];
      died.add(victim);
      world.stop(victim);
      while (seenAt.length < members - died.size && world.now - diedAt < WAIT_MAX_MS) world.run(100);
      assert(seenAt.length === members - died.size, "all that live have noticed, each once");
      return { firstMs: Math.min(...seenAt) - diedAt, allMs: Math.max(...seenAt) - diedAt };
    });
}
