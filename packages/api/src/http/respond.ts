import { AssertionError, ClusterError, messageOf, type Log } from "@murmur/base";
import type { Hono } from "hono";
import { API_VERSION } from "./api-version.ts";
import { errorResponse, isOwnFailure } from "./error-response.ts";

/** Every error of a route becomes Docker's body; the program's own failures are logged. */
export function handleErrors(app: Hono, log: Log): void {
  app.notFound(() => errorResponse(new ClusterError("not_found", "page not found")));
  app.onError((error, context) => {
    const fields = { method: context.req.method, path: context.req.path, error: messageOf(error) };
    if (isOwnFailure(error)) log.error("a request failed", fields);
    // A broken invariant ends the process: what is behind this answer can't be trusted any more.
    if (error instanceof AssertionError) queueMicrotask(() => rethrow(error));
    return errorResponse(error);
  });
}

function rethrow(error: Error): never {
  throw error;
}

/** Whether the engine offers what isn't finished. */
export const EXPERIMENTAL = "Docker-Experimental";

/** The headers by which Docker's clients recognize a daemon and choose a version. */
export function dockerHeaders(murmurVersion: string): Readonly<Record<string, string>> {
  return {
    "Api-Version": API_VERSION,
    Ostype: "linux",
    Server: `Murmur/${murmurVersion} (linux)`,
  };
}
