import { AssertionError, ClusterError, messageOf, MisdirectedError, type ErrorCode } from "@murmur/base";
import { ERROR_CODE_HEADER, MISDIRECTED, STATUS } from "../error-status.ts";

/** Any thrown value as Docker's error body, with Murmur's own code in a header. */
export function errorResponse(error: unknown): Response {
  const { code, message } = explain(error);
  const told = error instanceof MisdirectedError ? MISDIRECTED : code;
  return Response.json({ message }, { status: STATUS[code], headers: { [ERROR_CODE_HEADER]: told } });
}

function explain(error: unknown): { code: ErrorCode; message: string } {
  if (error instanceof ClusterError) return { code: error.code, message: dockerMessage(error) };
  const name = error instanceof Error ? error.name : "";
  if (name === "TimeoutError") return { code: "timeout", message: "the cluster didn't answer in time: try again" };
  if (name === "AbortError") return { code: "cancelled", message: "cancelled" };
  // The program's own failure: nothing of it helps a client. It is in the log.
  return { code: "internal", message: "internal error: see the daemon's log" };
}

/** What Docker's clients look for in a message goes in front of Murmur's own words. */
const MARKS: Partial<Record<ErrorCode, string>> = {
  name_conflict: "name conflicts with an existing object",
  out_of_date: "update out of sequence",
};

function dockerMessage(error: ClusterError): string {
  const message = messageOf(error);
  const mark = MARKS[error.code];
  return mark === undefined || message.includes(mark) ? message : `${mark}: ${message}`;
}

/** Whether the error is the program's own failure rather than a refusal; those are logged. */
export const isOwnFailure = (error: unknown): boolean =>
  error instanceof AssertionError || explain(error).code === "internal";
