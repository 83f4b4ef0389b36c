import type { Millis } from "@murmur/base";

const NANOS_PER_MILLI = 1_000_000;

/** RFC 3339 in UTC with nine digits, as Docker writes times; milliseconds are all that Murmur measures. */
export function toTimestamp(at: Millis): string {
  return new Date(at).toISOString().replace("Z", "000000Z");
}

/** Exact up to 104 days (2^53 ns), to the microsecond beyond. */
export const toNanos = (ms: Millis): number => Math.round(ms * NANOS_PER_MILLI);

export const toMillis = (nanos: number): Millis => nanos / NANOS_PER_MILLI;
