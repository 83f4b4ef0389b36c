import type { SnapshotMeta } from "./ports.ts";

/** Bytes of a full chunk. */
export const CHUNK_BYTES = 256 * 1024;
/** The largest chunk, and the largest snapshot, that a receiver takes in: more would fill its memory or its disk. */
const CHUNK_BYTES_MAX = 1024 * 1024;
const SNAPSHOT_BYTES_MAX = 4 * 2 ** 30;

/** A part of a snapshot on its way; without bytes it only asks. The answer says how many bytes the receiver has. */
export interface SnapshotChunk {
  readonly meta: SnapshotMeta;
  /** The sender's term; it leads in it. */
  readonly leaderTerm: number;
  /** Bytes of the whole snapshot. */
  readonly size: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Whether what came is a chunk, lies within its snapshot, and is within bounds. */
export function isSnapshotChunk(value: unknown): value is SnapshotChunk {
  if (!isObject(value)) return false;
  const { meta, leaderTerm, size, offset, bytes } = value;
  if (!isObject(meta) || !(meta["membership"] instanceof Uint8Array)) return false;
  if (![leaderTerm, size, offset, meta["index"], meta["term"]].every(isCount)) return false;
  if (!(bytes instanceof Uint8Array) || bytes.byteLength > CHUNK_BYTES_MAX) return false;
  return Number(size) >= 1 && Number(size) <= SNAPSHOT_BYTES_MAX && Number(offset) + bytes.byteLength <= Number(size);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
