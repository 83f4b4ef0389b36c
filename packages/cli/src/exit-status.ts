import type { ErrorCode } from "@murmur/base";

export const SUCCESS = 0;
/** A failure of any kind that has no status of its own; also: a service didn't converge, or doctor found something. */
export const FAILURE = 1;

/** The one table from error codes to the exit status of `murmur`; shown by `murmur --help`. */
export const EXIT_STATUS = {
  invalid_argument: 2,
  unauthenticated: 3,
  forbidden: 3,
  not_found: 4,
  name_conflict: 5,
  port_conflict: 5,
  already_exists: 5,
  in_use: 5,
  out_of_date: 5,
  failed_precondition: 6,
  not_in_cluster: 6,
  already_in_cluster: 6,
  incompatible_version: 6,
  unsupported: 6,
  no_leader: 7,
  overloaded: 7,
  unavailable: 7,
  timeout: 7,
  cancelled: 130,
  corrupt: FAILURE,
  internal: FAILURE,
} as const satisfies Record<ErrorCode, number>;

/** What each status means, for people. */
export const EXIT_STATUS_MEANINGS: readonly (readonly [number, string])[] = [
  [SUCCESS, "done"],
  [FAILURE, "failed; a service didn't converge; doctor found something"],
  [2, "wrong command, flag or value"],
  [3, "not allowed"],
  [4, "not found"],
  [5, "conflict: name or port taken, in use, changed meanwhile"],
  [6, "not possible in this state: not in a cluster, in one already, not supported"],
  [7, "the daemon, the cluster or its leader doesn't answer"],
  [130, "interrupted"],
];
