import { ClusterError, isId, messageOf, type NodeId } from "@murmur/base";
import { taskId, type TaskId } from "@murmur/model";
import { chmod, chown, lstat, mkdir, readdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Abortable, TaskFile, TaskFiles } from "../ports.ts";

/** The kernel's numbers of file systems that are in memory: tmpfs, ramfs. */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

export interface TmpfsFilesOptions {
  /** On the engine's host under the same path: the engine mounts from there. */
  readonly directory: string;
  readonly nodeId: NodeId;
}

/**
 * Files of tasks in a directory on a tmpfs: `DIRECTORY/NODE/TASK/NUMBER`. They outlive this process and the containers'
 * restarts, not the host's. Nobody but this process and the engine gets through the directories; in a container, where
 * each file is mounted for itself, its own owner and mode hold.
 */
export class TmpfsFiles implements TaskFiles {
  readonly #root: string;
  readonly #own: string;

  constructor({ directory, nodeId }: TmpfsFilesOptions) {
    this.#root = directory;
    this.#own = join(directory, nodeId);
  }

  async write(task: TaskId, files: readonly TaskFile[], { signal }: Abortable): Promise<readonly string[]> {
    const directory = join(this.#own, task);
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await this.#requireFit();
      const paths: string[] = [];
      for (const [at, { bytes, uid, gid, mode }] of files.entries()) {
        signal.throwIfAborted();
        const path = join(directory, String(at));
        // Nobody else may read it before it is whole; one that is there already may have a mode that forbids to write.
        await rm(path, { force: true });
        await writeFile(path, bytes, { mode: 0o600, signal });
        await giveTo(path, uid, gid);
        await chmod(path, mode);
        paths.push(path);
      }
      return paths;
    } catch (error) {
      if (signal.aborted || error instanceof ClusterError) throw error;
      throw new ClusterError("internal", `the task's secrets can't be kept on this node: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Also those of a task of what this host was before it joined anew: nobody else has a task of this id. */
  async remove(task: TaskId): Promise<void> {
    const nodes = await readdir(this.#root).catch(ifThere);
    for (const node of nodes.filter(isId)) await rm(join(this.#root, node, task), { recursive: true, force: true });
  }

  async list(): Promise<readonly TaskId[]> {
    const names = await readdir(this.#own).catch(ifThere);
    return names.filter(isId).map(taskId);
  }

  async #requireFit(): Promise<void> {
    for (const directory of [this.#root, this.#own]) {
      const { uid, mode } = await lstat(directory);
      if (uid === process.getuid?.() && (mode & 0o022) === 0) continue;
      throw new ClusterError(
        "failed_precondition",
        `${directory} isn't this daemon's alone, and secrets are not written there: remove it, or start the daemon with another --files-dir`,
      );
    }
    const { type } = await statfs(this.#own);
    if (IN_MEMORY.has(type)) return;
    throw new ClusterError(
      "failed_precondition",
      `${this.#root} is not in memory, and secrets are not written to disks: start this node's daemon with --files-dir DIRECTORY on a tmpfs`,
    );
  }
}

/** A daemon without root can't give files away; container's root reads them all the same. */
async function giveTo(path: string, uid: number, gid: number): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && uid === 0 && gid === 0) return;
  try {
    await chown(path, uid, gid);
  } catch (error) {
    throw new ClusterError(
      "failed_precondition",
      `a file for uid ${String(uid)} and gid ${String(gid)} can't be made: run this node's daemon as root (${messageOf(error)})`,
    );
  }
}

function ifThere(error: unknown): string[] {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
  throw error;
}
