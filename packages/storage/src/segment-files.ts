import { messageOf, type Log } from "@murmur/base";
import { constants, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { remove, syncDirectory } from "./disk.ts";
import { segmentName } from "./segment.ts";

/** What the log needs of an open file; a `FileHandle` fits. */
export interface SegmentFile {
  write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** Where the log's files come from; tests give files that fail. */
export interface SegmentFiles {
  /** Makes the file whose first batch has this sequence; its name is durable when this resolves. */
  create(sequence: number): Promise<SegmentFile>;
  /** Opens an existing one to write on. */
  reopen(sequence: number): Promise<SegmentFile>;
  remove(sequences: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

export interface SegmentFilesOptions {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly log: Log;
}

const FILL_BYTES = 256 * 1024;
const SPARE_NAME = "spare";

/**
 * Log files in a directory, with one spare that is filled with zeros ahead of need: syncing bytes that overwrite zeros
 * has no new size or extent to record, which makes a commit almost twice as fast (docs/storage.md). A spare that isn't
 * ready, or couldn't be made, costs that speed and nothing else.
 */
export function segmentFiles(options: SegmentFilesOptions): SegmentFiles {
  const { directory, segmentBytes, log } = options;
  const sparePath = join(directory, SPARE_NAME);
  let closed = false;
  /** Invariant: whoever fills or renames the spare has changed this first, so that it is one of them at a time. */
  let spare: "none" | "filling" | "ready" = "none";
  let filling = Promise.resolve();

  const fill = async (): Promise<void> => {
    try {
      spare = (await fillWithZeros(sparePath, segmentBytes, () => closed)) ? "ready" : "none";
    } catch (error) {
      spare = "none";
      log.warn("cannot prepare the next log file; going on without", { error: messageOf(error) });
    }
  };
  const startFilling = (): void => {
    if (spare !== "none" || closed) return;
    spare = "filling";
    filling = fill();
  };
  return {
    async create(sequence) {
      const path = join(directory, segmentName(sequence));
      if (spare === "ready") {
        spare = "none";
        await rename(sparePath, path);
      }
      const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
      await syncDirectory(directory);
      startFilling();
      return file;
    },
    reopen(sequence) {
      startFilling();
      return open(join(directory, segmentName(sequence)), "r+");
    },
    async remove(sequences) {
      if (sequences.length === 0) return;
      for (const sequence of sequences) await remove(join(directory, segmentName(sequence)));
      await syncDirectory(directory);
    },
    async close() {
      closed = true;
      await filling;
    },
  };
}

/** Syncs after each piece, so that a commit meanwhile waits for a piece at most, not for the whole file. */
async function fillWithZeros(path: string, bytes: number, stop: () => boolean): Promise<boolean> {
  const file = await open(path, "w", 0o600);
  try {
    const zeros = Buffer.alloc(FILL_BYTES);
    for (let at = 0; at < bytes; at += FILL_BYTES) {
      if (stop()) return false;
      await file.write(zeros, 0, Math.min(FILL_BYTES, bytes - at), at);
      await file.datasync();
    }
    return true;
  } finally {
    await file.close();
  }
}
