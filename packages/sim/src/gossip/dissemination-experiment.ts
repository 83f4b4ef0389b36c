import { SeededRandom, type Millis } from "@murmur/base";
import type { SwimConfig } from "@murmur/gossip";
import { GossipWorld } from "./gossip-world.ts";

export interface DisseminationExperiment {
  readonly seed: number;
  readonly config: Partial<SwimConfig>;
  readonly members: number;
  /** Pieces of news, one after the other, each from a random member. */
  readonly trials: number;
  readonly loss: number;
  readonly delayMeanMs: Millis;
  /** Time for the members' exchanges of state to get out of step; not measured. */
  readonly warmUpMs: Millis;
  /** For how long nothing happens then. */
  readonly quietMs: Millis;
}

/** Rates are what an average member sent, in bytes a second, as `GossipWorld.bytes` counts them. */
export interface Dissemination {
  /** For each piece of news, until the last member had heard it; undefined when somebody had not within its life. */
  readonly spreadMs: readonly (Millis | undefined)[];
  /** While nothing happened. */
  readonly quietBytesPerS: number;
  /** While news spread: from each one's publication until nobody passed it on any more. */
  readonly busyBytesPerS: number;
  /** All in all, after the warm-up. */
  readonly bytesPerS: number;
}

/** As long as what withdraws a task's endpoint: one key, and a few bytes. */
const PAYLOAD_BYTES = 32;
const LIFE_MS = 20_000;
/** Up to so long after one piece of news has spread comes the next. */
const PAUSE_MAX_MS = 1_000;

/** Members publish, one at a time, and all others listen. */
export function runDisseminationExperiment(experiment: DisseminationExperiment): Dissemination {
  const { seed, config, members, trials, loss, delayMeanMs, warmUpMs, quietMs } = experiment;
  const random = new SeededRandom(seed);
  let heard = 0;
  let lastAt: Millis = 0;
  const options = { seed, config, members, loss, delayMeanMs, countBytesFromMs: warmUpMs };
  const world = new GossipWorld(options, (_, report, now) => {
    if (report.kind !== "broadcast") return;
    heard += 1;
    lastAt = now;
  });
  world.run(warmUpMs);
  const all = new Traffic(world, members);
  const quiet = new Traffic(world, members);
  const busy = new Traffic(world, members);
  quiet.during(() => world.run(quietMs));
  const spreadMs = Array.from({ length: trials }, (_, trial) => {
    world.run(random.next() * PAUSE_MAX_MS);
    heard = 0;
    const begin = world.now;
    busy.during(() => {
      const news = { key: `news-${String(trial)}`, payload: new Uint8Array(PAYLOAD_BYTES), ttlMs: LIFE_MS };
      world.with(random.below(members), (swim, now) => swim.publish(news, now));
      while (isSpreading(world, members) && world.now - begin < LIFE_MS) world.run(100);
    });
    return heard === members - 1 ? lastAt - begin : undefined;
  });
  return { spreadMs, quietBytesPerS: quiet.rate, busyBytesPerS: busy.rate, bytesPerS: all.rateSinceStart };
}

/** Whether anybody still has something to pass on. */
function isSpreading(world: GossipWorld, members: number): boolean {
  for (let member = 0; member < members; member += 1) if (world.swim(member).health().rumorsWaiting > 0) return true;
  return false;
}

/** What an average member sends, measured over several spans of time. */
class Traffic {
  readonly #world: GossipWorld;
  readonly #members: number;
  readonly #start: { readonly bytes: number; readonly at: Millis };
  #bytes = 0;
  #elapsedMs = 0;

  constructor(world: GossipWorld, members: number) {
    this.#world = world;
    this.#members = members;
    this.#start = { bytes: world.bytes, at: world.now };
  }

  /** Bytes a second, over the spans. */
  get rate(): number {
    return (this.#bytes * 1_000) / this.#elapsedMs / this.#members;
  }

  /** Bytes a second, since this was made. */
  get rateSinceStart(): number {
    return ((this.#world.bytes - this.#start.bytes) * 1_000) / (this.#world.now - this.#start.at) / this.#members;
  }

  during(work: () => void): void {
    const { bytes, now } = this.#world;
    work();
    this.#bytes += this.#world.bytes - bytes;
    this.#elapsedMs += this.#world.now - now;
  }
}
