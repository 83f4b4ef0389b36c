import { ERROR_CODES, type ErrorCode } from "@murmur/base";

/**
 * The one table from error codes to HTTP. The numbers are what Docker Swarm answers with, where it knows the case:
 * 503 around not being in a swarm, 500 for a version that was overtaken, 400 for a published port that is taken.
 */
export const STATUS = {
  invalid_argument: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  name_conflict: 409,
  port_conflict: 400,
  already_exists: 409,
  in_use: 400,
  out_of_date: 500,
  failed_precondition: 400,
  not_in_cluster: 503,
  already_in_cluster: 503,
  incompatible_version: 400,
  no_leader: 503,
  overloaded: 503,
  unavailable: 503,
  timeout: 504,
  cancelled: 499,
  unsupported: 501,
  corrupt: 500,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

/** The code travels beside Docker's body, so that Murmur's own client needs to guess nothing from the message. */
export const ERROR_CODE_HEADER = "murmur-error-code";

/** In that header in place of a code: nothing was done, since who was asked is not the one to ask. For other nodes. */
export const MISDIRECTED = "misdirected";

/** Whether another manager can be asked the same without anything being done twice. */
export const isMisdirected = ({ headers }: Response): boolean => headers.get(ERROR_CODE_HEADER) === MISDIRECTED;

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: "invalid_argument",
  401: "unauthenticated",
  403: "forbidden",
  404: "not_found",
  409: "already_exists",
  501: "unsupported",
  503: "unavailable",
  504: "timeout",
};

/** The code of an answer: what its header says, else (the engine's own answers) what the status suggests. */
export function codeOfAnswer(header: string | undefined, status: number): ErrorCode {
  return ERROR_CODES.find((code) => code === header) ?? BY_STATUS[status] ?? "internal";
}
