import { ClusterError, messageOf, type ErrorCode } from "@murmur/base";

/** What the engine says in its 5xx answers that is in truth something else; the first that fits counts. */
const SERVER_ERRORS: readonly (readonly [ErrorCode, RegExp])[] = [
  ["port_conflict", /port is already allocated|address already in use/i],
  ["unavailable", /containerd\.sock|transport is closing|connection error|shutting down/i],
  [
    "invalid_argument",
    /invalid|no such file or directory|executable file not found|not a directory|cannot be mounted/i,
  ],
];

/** Any error of dockerode as the port's: with the engine's own words, in one line. */
export function engineError(error: unknown): ClusterError {
  if (error instanceof ClusterError) return error;
  const status = statusOf(error);
  const text = textOf(error);
  return new ClusterError(codeFor(status, text), text, { cause: error });
}

function codeFor(status: number | undefined, text: string): ErrorCode {
  switch (status) {
    case undefined:
      return "unavailable";
    case 400:
      return "invalid_argument";
    case 404:
      return "not_found";
    case 409:
      return /name .* is already in use/i.test(text) ? "name_conflict" : "failed_precondition";
    case 501:
      return "unsupported";
    case 503:
      return "unavailable";
    default:
      if (status < 500) return /address already in use/i.test(text) ? "in_use" : "failed_precondition";
      return SERVER_ERRORS.find(([, pattern]) => pattern.test(text))?.[0] ?? "internal";
  }
}

/** The HTTP status of the engine's answer; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  return typeof status === "number" ? status : undefined;
}

/** What dockerode puts before the engine's words: `(HTTP code 500) server error - `. */
const WRAPPING = /^\(HTTP code \d+\) [^-]*- /;

/** dockerode wraps the engine's message in words of its own; the answer's body has it alone, where it kept it. */
function textOf(error: unknown): string {
  const body: unknown = error instanceof Error && "json" in error ? error.json : undefined;
  const own = typeof body === "object" && body !== null && "message" in body ? body.message : undefined;
  return messageOf(typeof own === "string" && own !== "" ? own : error).replace(WRAPPING, "");
}
