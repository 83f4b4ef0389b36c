/**
 * Every way in which a request can be refused. The table that turns a code into an HTTP status is `api`'s; the one
 * that turns it into an exit status is `cli`'s.
 */
export const ERROR_CODES = [
  "invalid_argument",
  "unauthenticated",
  "forbidden",
  "not_found",
  "name_conflict",
  "port_conflict",
  "already_exists",
  "in_use",
  "out_of_date",
  "failed_precondition",
  "not_in_cluster",
  "already_in_cluster",
  "incompatible_version",
  "no_leader",
  "overloaded",
  "unavailable",
  "timeout",
  "cancelled",
  "unsupported",
  "corrupt",
  "internal",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The one error class that crosses package borders. `message` is one line that says what to do. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Who was asked is not the one to ask, or not any more, and has done nothing: another one may be asked instead. */
export class MisdirectedError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super("unavailable", message, options);
  }
}

/** The code of any thrown value: a `ClusterError`'s own, else `internal`. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof ClusterError ? error.code : "internal";
}

/** The message of any thrown value, in one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s*\n\s*/g, " ").trim();
}
