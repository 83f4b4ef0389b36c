import { assert } from "@murmur/base";
import { crc32 } from "node:zlib";
import type { StoredEntry } from "./log-storage.ts";

/**
 * The log on disk is a sequence of batches; one batch is what one sync made durable.
 *
 *     batch  = header entry*
 *     header = magic:4 crc:4 sequence:6 term:6 commit:6 compacted:6 last:6 lost:6 entries:4 bodyBytes:4 vote:1+n
 *     entry  = crc:4 index:6 term:6 kindBytes:1 dataBytes:4 kind data
 *
 * Numbers are little-endian; each crc covers what follows it, up to the end of the header or entry. An entry's index and
 * term are covered as well, so one that a disk returns in another's place is detected. A header repeats everything that
 * is known about the log as a whole, so any one batch is enough to know it.
 */
export interface BatchHeader {
  /** Counts batches without gaps, so that a missing one is noticed. */
  readonly sequence: number;
  readonly term: number;
  readonly votedFor?: string;
  readonly commit: number;
  /** Entries up to and including this index are dropped. */
  readonly compacted: number;
  /** The last index of the log once this batch is applied: later entries are dropped. Invariant: last >= compacted. */
  readonly last: number;
  /** Above zero while entries up to this index, lost to damage, have not been written again. */
  readonly lost: number;
  /** How many entries follow; they end at `last`. */
  readonly entries: number;
  readonly bodyBytes: number;
}

export const BATCH_MAGIC = Buffer.from("MRB1", "latin1");
const HEADER_BYTES = 53;
const ENTRY_BYTES = 21;
/** The most that a header takes. */
export const HEADER_BYTES_MAX = HEADER_BYTES + 255;
const TEXT_BYTES_MAX = 255;

/** A header, without what the codec itself counts. */
export type BatchFields = Omit<BatchHeader, "entries" | "bodyBytes">;

/** Bytes that an entry takes on disk. */
export const entryBytes = (entry: StoredEntry): number =>
  ENTRY_BYTES + Buffer.byteLength(entry.kind) + entry.data.length;

export function encodeBatch(fields: BatchFields, entries: readonly StoredEntry[]): Buffer {
  assert(entries.length === 0 || entries.at(-1)?.index === fields.last, "the entries of a batch end at its last index");
  const bodyBytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  const header = encodeHeader({ ...fields, entries: entries.length, bodyBytes });
  const bytes = Buffer.allocUnsafe(header.length + bodyBytes);
  header.copy(bytes);
  let at = header.length;
  for (const entry of entries) at = encodeEntry(entry, bytes, at);
  return bytes;
}

function encodeHeader(header: BatchHeader): Buffer {
  const vote = Buffer.from(header.votedFor ?? "");
  assert(vote.length <= TEXT_BYTES_MAX, "a node id has at most 255 bytes");
  const bytes = Buffer.alloc(HEADER_BYTES + vote.length);
  BATCH_MAGIC.copy(bytes);
  let at = 8;
  for (const field of [header.sequence, header.term, header.commit, header.compacted, header.last, header.lost])
    at = bytes.writeUIntLE(field, at, 6);
  at = bytes.writeUInt32LE(header.entries, at);
  at = bytes.writeUInt32LE(header.bodyBytes, at);
  at = bytes.writeUInt8(vote.length, at);
  vote.copy(bytes, at);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/** The header that starts at an offset, and where its body starts; undefined when there is no intact one. */
export function decodeHeader(bytes: Buffer, offset: number): { header: BatchHeader; bodyAt: number } | undefined {
  if (offset + HEADER_BYTES > bytes.length) return undefined;
  if (bytes.compare(BATCH_MAGIC, 0, 4, offset, offset + 4) !== 0) return undefined;
  const voteBytes = bytes.readUInt8(offset + HEADER_BYTES - 1);
  const bodyAt = offset + HEADER_BYTES + voteBytes;
  if (bodyAt > bytes.length) return undefined;
  if (crc32(bytes.subarray(offset + 8, bodyAt)) !== bytes.readUInt32LE(offset + 4)) return undefined;
  const field = (at: number): number => bytes.readUIntLE(offset + 8 + at * 6, 6);
  const header: BatchHeader = {
    sequence: field(0),
    term: field(1),
    commit: field(2),
    compacted: field(3),
    last: field(4),
    lost: field(5),
    entries: bytes.readUInt32LE(offset + 44),
    bodyBytes: bytes.readUInt32LE(offset + 48),
    ...(voteBytes > 0 && { votedFor: bytes.toString("utf8", bodyAt - voteBytes, bodyAt) }),
  };
  return { header, bodyAt };
}

/** The entries of a body up to the first one that is not intact, or not the one that belongs there. */
export function decodeEntries(header: BatchHeader, body: Buffer): StoredEntry[] {
  const entries: StoredEntry[] = [];
  const first = header.last - header.entries + 1;
  for (let at = 0; entries.length < header.entries;) {
    const decoded = decodeEntry(body, at);
    if (decoded?.entry.index !== first + entries.length) break;
    entries.push(decoded.entry);
    at = decoded.end;
  }
  return entries;
}

function encodeEntry(entry: StoredEntry, bytes: Buffer, start: number): number {
  const kindBytes = Buffer.byteLength(entry.kind);
  assert(kindBytes <= TEXT_BYTES_MAX, "an entry's kind has at most 255 bytes");
  let at = bytes.writeUIntLE(entry.index, start + 4, 6);
  at = bytes.writeUIntLE(entry.term, at, 6);
  at = bytes.writeUInt8(kindBytes, at);
  at = bytes.writeUInt32LE(entry.data.length, at);
  at += bytes.write(entry.kind, at);
  bytes.set(entry.data, at);
  const end = at + entry.data.length;
  bytes.writeUInt32LE(crc32(bytes.subarray(start + 4, end)), start);
  return end;
}

function decodeEntry(bytes: Buffer, start: number): { entry: StoredEntry; end: number } | undefined {
  if (start + ENTRY_BYTES > bytes.length) return undefined;
  const dataAt = start + ENTRY_BYTES + bytes.readUInt8(start + 16);
  const end = dataAt + bytes.readUInt32LE(start + 17);
  if (end > bytes.length) return undefined;
  if (crc32(bytes.subarray(start + 4, end)) !== bytes.readUInt32LE(start)) return undefined;
  const entry = {
    index: bytes.readUIntLE(start + 4, 6),
    term: bytes.readUIntLE(start + 10, 6),
    kind: bytes.toString("utf8", start + ENTRY_BYTES, dataAt),
    // A copy: a view would keep the whole segment in memory for as long as one of its entries is in use.
    data: new Uint8Array(bytes.subarray(dataAt, end)),
  };
  return { entry, end };
}
