import type { Millis, Random } from "@murmur/base";

export interface BackoffOptions {
  readonly firstMs: Millis;
  readonly mostMs: Millis;
}

/**
 * How long to wait before attempt number `attempt` (0 is the first repetition): doubled each time up to `mostMs`, of
 * which a random half is taken away, so that many who failed at the same moment don't come back at the same moment.
 */
export function backoff(attempt: number, random: Random, options: BackoffOptions): Millis {
  const ceiling = Math.min(options.mostMs, options.firstMs * 2 ** Math.min(attempt, 30));
  return ceiling * (0.5 + random.next() / 2);
}
