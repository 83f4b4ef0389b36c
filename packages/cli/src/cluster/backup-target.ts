import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { ClusterError, messageOf } from "@murmur/base";
import type { Cli } from "../cli.ts";

/** Where a backup goes. What was written counts only once it was committed. */
export interface BackupTarget extends AsyncDisposable {
  write(bytes: Uint8Array): Promise<void>;
  commit(): Promise<void>;
}

/** Standard output, for `-`. */
export function outputTarget(cli: Cli): BackupTarget {
  const { stdout } = cli.ports;
  if (stdout.isTerminal)
    throw new ClusterError("invalid_argument", "a backup is no text and holds secrets: send it into a file or a pipe");
  return { write: (bytes) => stdout.writeBytes(bytes), commit: async () => {}, [Symbol.asyncDispose]: async () => {} };
}

/**
 * A file that only its owner may read. It is written beside its place and moved there when it is whole and on the disk:
 * an earlier backup of that name stays until then, and a broken one is never left behind.
 */
export async function fileTarget(path: string): Promise<BackupTarget> {
  const partial = `${path}.partial-${String(process.pid)}`;
  const file = await open(partial, "wx", 0o600).catch((error: unknown) => {
    throw fileProblem(path, error);
  });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  return {
    write: (bytes) => writeAll(file, bytes).catch(rethrow(path)),
    async commit() {
      await file.sync().catch(rethrow(path));
      await close();
      await rename(partial, path).catch(rethrow(path));
    },
    async [Symbol.asyncDispose]() {
      await close();
      await rm(partial, { force: true });
    },
  };
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) at += (await file.write(bytes, at)).bytesWritten;
}

const rethrow =
  (path: string) =>
  (error: unknown): never => {
    throw fileProblem(path, error);
  };

/** What went wrong with a file, in one line that says what to do. */
export function fileProblem(path: string, error: unknown): ClusterError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const lines: Readonly<Record<string, string>> = {
    ENOSPC: `no space left for ${path}: free some, or choose another disk`,
    ENOENT: `${path}: no such file or folder`,
    EACCES: `${path}: no permission; run as root, or choose another file`,
    EISDIR: `${path} is a folder: give the name of a file`,
    EEXIST: `another backup is being written to ${path}: wait for it, or remove ${path}.partial-*`,
  };
  return new ClusterError("invalid_argument", lines[code] ?? `${path}: ${messageOf(error)}`, { cause: error });
}
