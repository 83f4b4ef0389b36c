import { ClusterError, messageOf } from "@murmur/base";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { diskError } from "./disk.ts";

/**
 * Makes this process the only one that uses a directory, until the lock is disposed of or the process ends, however it
 * ends. Node.js has no file locks of its own, so an empty SQLite database lends its: an exclusive transaction holds the
 * kernel's lock on the file, and the kernel releases it with the process. It writes nothing, so it never waits for the
 * disk. Pid files are no lock: pids are used again, and differ between containers that share a volume.
 */
export async function lockDirectory(directory: string): Promise<Disposable> {
  const ownerPath = join(directory, "owner");
  const database = await lockedDatabase(join(directory, "lock"), async (cause) => {
    const owner = await readFile(ownerPath, "utf8").catch(() => "another process");
    const message = `the data in ${directory} is in use by ${owner}; stop it first, or use another --data-dir`;
    return new ClusterError("in_use", message, { cause });
  });
  try {
    await writeFile(ownerPath, `process ${String(process.pid)}`, { mode: 0o600 });
  } catch (error) {
    database.close();
    throw diskError(directory, error);
  }
  return { [Symbol.dispose]: () => database.close() };
}

async function lockedDatabase(path: string, inUse: (cause: unknown) => Promise<ClusterError>): Promise<DatabaseSync> {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    if (/database is locked/.test(messageOf(error))) throw await inUse(error);
    throw diskError(path, error);
  }
}
