import type { ErrorCode } from "@murmur/base";

/**
 * What a manager's error says of the command that it answers, as `Submitter` and the store promise it.
 * `refused`: it was decided on and left no trace; a model says when that answer is right. `not_executed`: it was in no
 * log and never will be; if it took effect all the same, a read shows what nobody wrote. `unknown`: either.
 */
export type ErrorOutcome = "refused" | "not_executed" | "unknown";

const OUTCOMES = {
  invalid_argument: "refused",
  unauthenticated: "refused",
  forbidden: "refused",
  not_found: "refused",
  name_conflict: "refused",
  port_conflict: "refused",
  already_exists: "refused",
  in_use: "refused",
  out_of_date: "refused",
  failed_precondition: "refused",
  unsupported: "refused",
  not_in_cluster: "not_executed",
  already_in_cluster: "not_executed",
  incompatible_version: "not_executed",
  no_leader: "not_executed",
  overloaded: "not_executed",
  unavailable: "not_executed",
  timeout: "unknown",
  cancelled: "unknown",
  corrupt: "unknown",
  internal: "unknown",
} as const satisfies Record<ErrorCode, ErrorOutcome>;

/** The codes with which the store refuses a command. */
export type RefusalCode = {
  [C in ErrorCode]: (typeof OUTCOMES)[C] extends "refused" ? C : never;
}[ErrorCode];

/**
 * Holds for the answers of a manager itself. A client that speaks to it through a connection must take an error of the
 * connection as `unknown`, whatever its code.
 */
export const outcomeOfError = (code: ErrorCode): ErrorOutcome => OUTCOMES[code];

/** Whether the store refuses commands with this code. */
export const isRefusal = (code: ErrorCode): code is RefusalCode => OUTCOMES[code] === "refused";
