import type { createApi } from "./app.ts";
import type { serve } from "./server/serve.ts";

export interface ServerModule {
  readonly createApi: typeof createApi;
  readonly serve: typeof serve;
}

/**
 * Loads the API's server side. The command line imports this package for its client, and must not wait for hono and
 * zod; a daemon calls this once.
 */
export async function loadServer(): Promise<ServerModule> {
  const [{ createApi }, { serve }] = await Promise.all([import("./app.ts"), import("./server/serve.ts")]);
  return { createApi, serve };
}
