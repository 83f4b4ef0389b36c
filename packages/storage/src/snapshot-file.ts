import { assert, ClusterError } from "@murmur/base";
import { constants, open, type FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import type { SnapshotMeta, SnapshotReader } from "./log-storage.ts";

/**
 * A snapshot file, for reading any part of it with its checksum checked:
 *
 *     file   = header chunk* footer
 *     header = magic:4 crc:4 index:6 term:6 membershipBytes:4 membership
 *     chunk  = crc:4 content                      64 KiB of content each, the last one less
 *     footer = magic:4 crc:4 size:6
 *
 * A chunk's crc starts from the header's and covers its number, so a chunk in the wrong place or of another snapshot is
 * detected. Without an intact footer the file is not a snapshot.
 */
const HEADER_MAGIC = Buffer.from("MRS1", "latin1");
const FOOTER_MAGIC = Buffer.from("MRSE", "latin1");
const HEADER_BYTES = 24;
const FOOTER_BYTES = 14;
const CRC_BYTES = 4;
const CHUNK_BYTES = 64 * 1024;
/** Chunks that are written at once. */
const CHUNKS_A_WRITE = 4;
/** Written content is synced each time this much has come together, so that no sync holds up the log's for long. */
const SYNC_BYTES = 2 * 2 ** 20;
const MEMBERSHIP_BYTES_MAX = 2 ** 20;

/** Writes one snapshot file; calls must not overlap. */
export class SnapshotWriter implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #seed: number;
  /** Chunks that wait to be written, the last one perhaps not full. */
  readonly #waiting = Buffer.allocUnsafe(CHUNKS_A_WRITE * (CRC_BYTES + CHUNK_BYTES));
  /** Where in it the chunk begins that is being filled, and how much content that has. */
  #chunkAt = 0;
  #chunkBytes = 0;
  #chunks = 0;
  #position: number;
  #unsynced = 0;
  #size = 0;

  private constructor(file: FileHandle, header: Buffer) {
    this.#file = file;
    this.#seed = header.readUInt32LE(4);
    this.#position = header.length;
  }

  static async create(path: string, meta: SnapshotMeta): Promise<SnapshotWriter> {
    assert(meta.membership.length <= MEMBERSHIP_BYTES_MAX, "a snapshot's membership is at most 1 MiB");
    const file = await open(path, "w", 0o600);
    const header = encodeHeader(meta);
    await writeFully(file, header, 0);
    return new SnapshotWriter(file, header);
  }

  /** Bytes of content taken in. */
  get size(): number {
    return this.#size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + CHUNK_BYTES - this.#chunkBytes);
      this.#waiting.set(part, this.#chunkAt + CRC_BYTES + this.#chunkBytes);
      this.#chunkBytes += part.length;
      this.#size += part.length;
      at += part.length;
      if (this.#chunkBytes === CHUNK_BYTES) this.#endChunk();
      if (this.#chunkAt === this.#waiting.length) await this.#flush();
    }
  }

  /** Writes what is left and makes all of it durable; the name is the caller's matter. */
  async finish(): Promise<void> {
    if (this.#chunkBytes > 0) this.#endChunk();
    await this.#flush();
    await writeFully(this.#file, encodeFooter(this.#size, this.#seed), this.#position);
    await this.#file.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  #endChunk(): void {
    const from = this.#chunkAt + CRC_BYTES;
    const content = this.#waiting.subarray(from, from + this.#chunkBytes);
    this.#waiting.writeUInt32LE(chunkCrc(this.#seed, this.#chunks, content), this.#chunkAt);
    this.#chunkAt = from + this.#chunkBytes;
    this.#chunks += 1;
    this.#chunkBytes = 0;
  }

  async #flush(): Promise<void> {
    const bytes = this.#waiting.subarray(0, this.#chunkAt);
    await writeFully(this.#file, bytes, this.#position);
    this.#position += bytes.length;
    this.#unsynced += bytes.length;
    this.#chunkAt = 0;
    if (this.#unsynced < SYNC_BYTES) return;
    await this.#file.datasync();
    this.#unsynced = 0;
  }
}

/** Opens a finished snapshot. Rejects with `corrupt` when its header or footer is damaged. */
export async function readSnapshot(path: string): Promise<SnapshotReader> {
  const file = await open(path, constants.O_RDONLY);
  try {
    const { meta, seed, contentAt } = await readHeader(file, path);
    const { size: fileBytes } = await file.stat();
    const size = await readFooter(file, { path, seed, fileBytes });
    const expected = contentAt + size + Math.ceil(size / CHUNK_BYTES) * CRC_BYTES + FOOTER_BYTES;
    if (fileBytes !== expected) throw corrupt(path);
    return new FileSnapshotReader(file, { path, meta, seed, contentAt, size });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Reads all of a snapshot to see whether it is intact; rejects with `corrupt` when it isn't. */
export async function verifySnapshot(reader: SnapshotReader): Promise<void> {
  const step = CHUNK_BYTES * 16;
  for (let at = 0; at < reader.size; at += step) await reader.read(at, step);
}

interface Layout {
  readonly path: string;
  readonly meta: SnapshotMeta;
  readonly seed: number;
  readonly contentAt: number;
  readonly size: number;
}

/** The open file stays readable when the snapshot is removed meanwhile. */
class FileSnapshotReader implements SnapshotReader {
  readonly #file: FileHandle;
  readonly #layout: Layout;

  constructor(file: FileHandle, layout: Layout) {
    this.#file = file;
    this.#layout = layout;
  }

  get meta(): SnapshotMeta {
    return this.#layout.meta;
  }
  get size(): number {
    return this.#layout.size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const { path, seed, contentAt, size } = this.#layout;
    const end = Math.min(size, offset + length);
    if (offset >= end) return new Uint8Array();
    const firstChunk = Math.floor(offset / CHUNK_BYTES);
    const chunkEnd = Math.ceil(end / CHUNK_BYTES);
    const contentBytes = Math.min(size, chunkEnd * CHUNK_BYTES) - firstChunk * CHUNK_BYTES;
    const stored = Buffer.allocUnsafe(contentBytes + (chunkEnd - firstChunk) * CRC_BYTES);
    await readFully(this.#file, stored, { at: contentAt + firstChunk * (CHUNK_BYTES + CRC_BYTES), path });
    // The content moves together where it is: a second buffer would double what the collector has to clear away.
    for (let chunk = firstChunk, at = 0, to = 0; chunk < chunkEnd; chunk += 1) {
      const data = stored.subarray(at + CRC_BYTES, at + CRC_BYTES + CHUNK_BYTES);
      if (chunkCrc(seed, chunk, data) !== stored.readUInt32LE(at)) throw corrupt(path);
      at += CRC_BYTES + data.length;
      to += data.copy(stored, to);
    }
    const skipped = offset - firstChunk * CHUNK_BYTES;
    return stored.subarray(skipped, skipped + end - offset);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

function encodeHeader(meta: SnapshotMeta): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + meta.membership.length);
  HEADER_MAGIC.copy(bytes);
  bytes.writeUIntLE(meta.index, 8, 6);
  bytes.writeUIntLE(meta.term, 14, 6);
  bytes.writeUInt32LE(meta.membership.length, 20);
  bytes.set(meta.membership, HEADER_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

async function readHeader(file: FileHandle, path: string): Promise<Pick<Layout, "meta" | "seed" | "contentAt">> {
  const fixed = Buffer.alloc(HEADER_BYTES);
  await readFully(file, fixed, { at: 0, path });
  const membershipBytes = fixed.readUInt32LE(20);
  if (fixed.compare(HEADER_MAGIC, 0, 4, 0, 4) !== 0 || membershipBytes > MEMBERSHIP_BYTES_MAX) throw corrupt(path);
  const membership = Buffer.alloc(membershipBytes);
  await readFully(file, membership, { at: HEADER_BYTES, path });
  const seed = fixed.readUInt32LE(4);
  if (crc32(membership, crc32(fixed.subarray(8))) !== seed) throw corrupt(path);
  const meta = { index: fixed.readUIntLE(8, 6), term: fixed.readUIntLE(14, 6), membership: new Uint8Array(membership) };
  return { meta, seed, contentAt: HEADER_BYTES + membershipBytes };
}

function encodeFooter(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(FOOTER_BYTES);
  FOOTER_MAGIC.copy(bytes);
  bytes.writeUIntLE(size, 8, 6);
  bytes.writeUInt32LE(crc32(bytes.subarray(8), seed), 4);
  return bytes;
}

async function readFooter(
  file: FileHandle,
  { path, seed, fileBytes }: { path: string; seed: number; fileBytes: number },
): Promise<number> {
  const bytes = Buffer.alloc(FOOTER_BYTES);
  await readFully(file, bytes, { at: Math.max(0, fileBytes - FOOTER_BYTES), path });
  const intact =
    bytes.compare(FOOTER_MAGIC, 0, 4, 0, 4) === 0 && crc32(bytes.subarray(8), seed) === bytes.readUInt32LE(4);
  if (!intact) throw corrupt(path);
  return bytes.readUIntLE(8, 6);
}

function chunkCrc(seed: number, chunk: number, content: Uint8Array): number {
  const number = Buffer.alloc(4);
  number.writeUInt32LE(chunk);
  return crc32(content, crc32(number, seed));
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

async function readFully(file: FileHandle, into: Buffer, from: { at: number; path: string }): Promise<void> {
  for (let at = 0; at < into.length;) {
    const { bytesRead } = await file.read(into, at, into.length - at, from.at + at);
    if (bytesRead === 0) throw corrupt(from.path);
    at += bytesRead;
  }
}

const corrupt = (path: string): ClusterError =>
  new ClusterError("corrupt", `the snapshot ${path} is damaged; it has to be fetched from another manager`);
