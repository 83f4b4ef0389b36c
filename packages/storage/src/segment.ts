import { decodeEntries, decodeHeader, BATCH_MAGIC, type BatchHeader } from "./batch-codec.ts";
import type { StoredEntry } from "./log-storage.ts";

/** A batch as found on disk. */
export interface ScannedBatch {
  readonly header: BatchHeader;
  /** The entries up to the first damaged one. */
  readonly entries: readonly StoredEntry[];
  /** Whether all entries are intact. */
  readonly complete: boolean;
}

export interface ScannedSegment {
  readonly batches: readonly ScannedBatch[];
  /** Where the last batch ends. */
  readonly end: number;
  /** Whether only zeros follow: then the next batch can be written at `end`. */
  readonly clean: boolean;
}

/**
 * Reads the batches of one log file. Where no header is intact it looks for the next one that is; the gap in the batches'
 * sequence tells the caller that something is missing there.
 */
export function scanSegment(bytes: Buffer): ScannedSegment {
  const batches: ScannedBatch[] = [];
  let end = 0;
  for (let at = 0; at >= 0 && at < bytes.length;) {
    const found = decodeHeader(bytes, at);
    if (found === undefined) {
      at = bytes.indexOf(BATCH_MAGIC, at + 1);
      continue;
    }
    const { header, bodyAt } = found;
    const body = bytes.subarray(bodyAt, bodyAt + header.bodyBytes);
    const entries = decodeEntries(header, body);
    batches.push({ header, entries, complete: entries.length === header.entries });
    end = bodyAt + body.length;
    at = end;
  }
  return { batches, end, clean: isZero(bytes.subarray(end)) };
}

const ZEROS = Buffer.alloc(64 * 1024);

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (part.compare(ZEROS, 0, part.length) !== 0) return false;
  }
  return true;
}

/** A log file is named for the sequence of its first batch. */
export const segmentName = (sequence: number): string => `${String(sequence).padStart(16, "0")}.wal`;

/** The sequence in a log file's name; undefined for other files. */
export function segmentSequence(name: string): number | undefined {
  return /^\d{16}\.wal$/.test(name) ? Number.parseInt(name, 10) : undefined;
}
