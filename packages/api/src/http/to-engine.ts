import type { Millis } from "@murmur/base";
import type { Context } from "hono";
import type { ApiPorts, EngineRequest } from "../ports.ts";
import { within } from "./context.ts";

/** The engine asks a plugin about some networks, and removes them one by one. */
const ENGINE_MS: Millis = 120_000;

/** Hands a request to the engine, to the path that it came with or another one: `/v1.41/…`, with its query. */
export type ToEngine = (context: Context, request: Omit<EngineRequest, "path">, path?: string) => Promise<Response>;

export const toEngineOf =
  (ports: ApiPorts): ToEngine =>
  (context, request, path = pathOf(context)) => {
    const limits = { clock: ports.clock, limitMs: ENGINE_MS };
    return within(context, limits, (signal) => ports.engine.send({ ...request, path }, signal));
  };

/** Of a request, with its version; `search` in place of its own query. */
export function pathOf(context: Context, search?: string): string {
  const url = new URL(context.req.url);
  return url.pathname + (search ?? url.search);
}
