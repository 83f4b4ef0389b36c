import { ClusterError, messageOf } from "@murmur/base";
import { chmod, mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes the creation, renaming and removal of a directory's files durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Makes a directory if it isn't there; only the owner may look into it. */
export async function privateDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
  } catch (error) {
    throw diskError(path, error);
  }
}

/** Replaces a small file in one step: after a crash it has either the old content or the new. Only the owner may read it. */
export async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, content, { mode: 0o600, flush: true });
  await renameDurably(temporary, path);
}

export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncDirectory(dirname(to));
}

/** Removes a file or a whole directory; one that isn't there is fine. */
export const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true });

/** Turns an I/O error into what callers are told; any other error stays as it is. */
export function diskError(directory: string, error: unknown): Error {
  const code = systemCodeOf(error);
  if (error instanceof ClusterError || code === undefined) return asError(error);
  const what = code === "ENOSPC" ? "the disk is full; free some space and restart this node" : messageOf(error);
  return new ClusterError("unavailable", `cannot use the data in ${directory}: ${what}`, { cause: error });
}

export const isMissing = (error: unknown): boolean => systemCodeOf(error) === "ENOENT";

function systemCodeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(messageOf(error)));
