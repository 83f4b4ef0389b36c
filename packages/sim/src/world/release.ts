import { PROTOCOL } from "@murmur/transport";

/** What one release of the software speaks on the wire. */
export type Release = { readonly min: number; readonly max: number };

/** While the product knows a single version, the second one exists only here: the same frames under another number. */
const NEWEST = Math.max(2, PROTOCOL.max);

/** Releases in a row: each speaks its own version and the one before, so the first and the last have none in common. */
export const RELEASES = {
  previous: { min: Math.max(1, NEWEST - 2), max: NEWEST - 1 },
  present: { min: NEWEST - 1, max: NEWEST },
  next: { min: NEWEST, max: NEWEST + 1 },
} as const satisfies Record<string, Release>;
