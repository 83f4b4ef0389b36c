import type { createApi } from "./app.ts";
import type { checkBackup, encodeBackup, openBackup } from "./backup/backup-file.ts";
import type { serve } from "./server/serve.ts";

/** Reading and writing backups. */
export interface BackupModule {
  readonly checkBackup: typeof checkBackup;
  readonly encodeBackup: typeof encodeBackup;
  readonly openBackup: typeof openBackup;
}

/** Loaded when a backup is at hand: it needs node:crypto and node:zlib, which no other command does. */
export const loadBackups = (): Promise<BackupModule> => import("./backup/backup-file.ts");

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
