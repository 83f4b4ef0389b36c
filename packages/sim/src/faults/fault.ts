import type { Millis, Random } from "@murmur/base";
import type { Host } from "../world/host.ts";
import type { World } from "../world/world.ts";

/** What a fault needs to strike. */
export interface Scene {
  readonly world: World;
  readonly random: Random;
  /** Writes into the trace what is done. */
  readonly say: (what: string) => void;
  /** Does something later in simulated time, also when the time of faults is over by then. */
  readonly later: (delayMs: Millis, act: () => void) => void;
  /** Whether all is being made well: nothing may go wrong any more. */
  readonly isOver: () => boolean;
  /** The host is on its way back after so long. Does nothing when it runs by then. */
  readonly restartIn: (host: Host, delayMs: Millis) => void;
  /**
   * Whether this host may lose what it had durably stored: never so many at once that the others couldn't repair it.
   * When it may, it counts as impaired until the others have made up for it.
   */
  readonly mayLose: (host: Host) => boolean;
}

/** One kind of thing that goes wrong. */
export interface Fault {
  readonly name: string;
  /** How often it strikes in a minute, on average, where it is on. */
  readonly perMinute: number;
  strike(scene: Scene): void;
}

export const between = (random: Random, least: number, most: number): number => least + random.next() * (most - least);

/** Small values often, large ones seldom: uniform in its logarithm. */
export const logBetween = (random: Random, least: number, most: number): number =>
  least * (most / least) ** random.next();

/** One of them; undefined when there is none. */
export function oneOf<T>(items: readonly T[], random: Random): T | undefined {
  return items[random.below(items.length)];
}

export const chance = (random: Random, part: number): boolean => random.next() < part;

export const seconds = (ms: Millis): string => `${(ms / 1_000).toFixed(2)} s`;
