import { createHash, type Hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { ClusterError } from "@murmur/base";

/**
 * A backup: the replicated state of a cluster at one position of its log, as a file that says what it holds and can tell
 * whether it is whole.
 *
 *     file   = "MURMURBK" format:2 record*
 *     record = kind:1 length:4 crc:4 bytes
 *
 * Numbers are big-endian. The first record is the header (`H`, JSON), then comes the state in pieces (`D`), then the end
 * (`E`: SHA-256 of all before it); nothing follows. A record's checksum covers its number and kind, too, so that one that
 * is missing or moved is noticed where it is.
 */
const MAGIC = Buffer.from("MURMURBK", "latin1");
/** A reader refuses formats that are newer. */
export const BACKUP_FORMAT = 1;
const PREAMBLE_BYTES = MAGIC.length + 2;
const RECORD_HEAD_BYTES = 9;
const HEADER_BYTES_MAX = 64 * 1024;
const PIECE_BYTES_MAX = 4 * 1024 * 1024;
const DIGEST_BYTES = 32;

/** What a backup says of itself. */
export interface BackupHeader {
  readonly clusterId: string;
  readonly clusterName: string;
  /** The position of the state in the log. */
  readonly index: number;
  readonly term: number;
  /** Which life of the cluster it is from; 0 until it is first recovered or restored. */
  readonly generation: number;
  /** When it was taken, in milliseconds since 1970. */
  readonly takenAt: number;
  readonly murmurVersion: string;
  readonly counts: { readonly nodes: number; readonly services: number; readonly tasks: number };
}

type Kind = "H" | "D" | "E";

/**
 * Encodes a backup piece by piece; `chunks` is read only as fast as the result is. A chunk is copied before the next is
 * asked for, so they may all be views of one buffer, as a snapshot's are.
 */
export async function* encodeBackup(
  header: BackupHeader,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const sum = createHash("sha256");
  let number = 0;
  const summed = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
    sum.update(bytes);
    return bytes;
  };
  const preamble = Buffer.alloc(PREAMBLE_BYTES);
  MAGIC.copy(preamble);
  preamble.writeUInt16BE(BACKUP_FORMAT, MAGIC.length);
  yield summed(preamble);
  yield summed(record("H", number++, Buffer.from(JSON.stringify(header))));
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES_MAX) {
      yield summed(record("D", number++, chunk.subarray(at, at + PIECE_BYTES_MAX)));
    }
  }
  yield record("E", number, sum.digest());
}

function record(kind: Kind, number: number, bytes: Uint8Array): Buffer<ArrayBuffer> {
  const encoded = Buffer.alloc(RECORD_HEAD_BYTES + bytes.byteLength);
  encoded.write(kind, 0, "latin1");
  encoded.writeUInt32BE(bytes.byteLength, 1);
  encoded.writeUInt32BE(checksum(kind, number, bytes), 5);
  encoded.set(bytes, RECORD_HEAD_BYTES);
  return encoded;
}

const checksum = (kind: string, number: number, bytes: Uint8Array): number =>
  crc32(bytes, crc32(`${kind}${String(number)} ${String(bytes.byteLength)} `));

/** A backup that is being read. */
export interface OpenedBackup {
  readonly header: BackupHeader;
  /**
   * The pieces of the state. Ends only after the whole file was found intact; throws `corrupt` where it is not, so what
   * was read until then is to be thrown away.
   */
  readonly chunks: AsyncGenerator<Uint8Array, void, undefined>;
}

/**
 * Reads a backup up to its header. Errors: `invalid_argument` when it is none, `incompatible_version` when its format is
 * newer than this program's, `corrupt` when it is damaged or cut off.
 */
export async function openBackup(source: AsyncIterable<Uint8Array>): Promise<OpenedBackup> {
  const reader = new ByteReader(source);
  const preamble = await reader.take(PREAMBLE_BYTES);
  if (preamble === undefined || !preamble.subarray(0, MAGIC.length).equals(MAGIC))
    throw new ClusterError("invalid_argument", "this is no backup of a Murmur cluster");
  const format = preamble.readUInt16BE(MAGIC.length);
  if (format > BACKUP_FORMAT) {
    throw new ClusterError(
      "incompatible_version",
      `the backup has format ${String(format)}, this Murmur reads up to ${String(BACKUP_FORMAT)}: use a newer Murmur`,
    );
  }
  const first = await readRecord(reader, 0);
  if (first.kind !== "H") throw damaged(first.at, "it begins with something else than its header");
  return { header: parseHeader(first.bytes), chunks: readChunks(reader) };
}

/** Reads a backup to its end, for its header alone. */
export async function checkBackup(source: AsyncIterable<Uint8Array>): Promise<BackupHeader> {
  const { header, chunks } = await openBackup(source);
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next());
  return header;
}

async function* readChunks(reader: ByteReader): AsyncGenerator<Uint8Array, void, undefined> {
  for (let number = 1; ; number += 1) {
    const sum = reader.digest();
    const { kind, at, bytes } = await readRecord(reader, number);
    if (kind === "D") {
      yield bytes;
      continue;
    }
    if (kind !== "E" || !bytes.equals(sum)) throw damaged(at, "its checksum is wrong");
    if (!(await reader.atEnd())) throw damaged(reader.position, "something follows its end");
    return;
  }
}

interface ReadRecord {
  readonly kind: string;
  /** Where it begins in the file. */
  readonly at: number;
  readonly bytes: Buffer;
}

async function readRecord(reader: ByteReader, number: number): Promise<ReadRecord> {
  const at = reader.position;
  const head = await reader.take(RECORD_HEAD_BYTES);
  if (head === undefined) throw cutOff(reader.position);
  const kind = head.toString("latin1", 0, 1);
  const length = head.readUInt32BE(1);
  const limit = kind === "H" ? HEADER_BYTES_MAX : kind === "E" ? DIGEST_BYTES : PIECE_BYTES_MAX;
  if (length > limit) throw damaged(at, "a part of it has an impossible length");
  const bytes = await reader.take(length);
  if (bytes === undefined) throw cutOff(reader.position);
  if (checksum(kind, number, bytes) !== head.readUInt32BE(5)) throw damaged(at, "its checksum is wrong");
  return { kind, at, bytes };
}

const damaged = (at: number, why: string): ClusterError =>
  new ClusterError("corrupt", `the backup is damaged at byte ${String(at)}: ${why}; use another one`);

const cutOff = (at: number): ClusterError =>
  new ClusterError("corrupt", `the backup is not complete: it ends at byte ${String(at)}; use another one`);

function parseHeader(bytes: Buffer): BackupHeader {
  try {
    const header: unknown = JSON.parse(bytes.toString("utf8"));
    if (isHeader(header)) return header;
  } catch {
    // Told below.
  }
  throw damaged(PREAMBLE_BYTES, "its header can't be read");
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
const areNumbers = (value: Readonly<Record<string, unknown>>, names: readonly string[]): boolean =>
  names.every((name) => Number.isSafeInteger(value[name]) && Number(value[name]) >= 0);

const isHeader = (value: unknown): value is BackupHeader =>
  isObject(value) &&
  ["clusterId", "clusterName", "murmurVersion"].every((name) => typeof value[name] === "string") &&
  areNumbers(value, ["index", "term", "generation", "takenAt"]) &&
  isObject(value["counts"]) &&
  areNumbers(value["counts"], ["nodes", "services", "tasks"]);

/** Takes bytes out of a stream in the lengths that are asked for; holds at most one piece of the stream besides. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #sum: Hash = createHash("sha256");
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** How far it has read. */
  position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** SHA-256 of all that was taken so far. */
  digest(): Buffer {
    return this.#sum.copy().digest();
  }

  /** The next bytes; undefined when the stream ends before. */
  async take(length: number): Promise<Buffer | undefined> {
    while (this.#heldBytes < length) if (!(await this.#more())) return undefined;
    const all = this.#held.length === 1 ? (this.#held[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#held);
    const taken = all.subarray(0, length);
    this.#held = [all.subarray(length)];
    this.#heldBytes -= length;
    this.position += length;
    this.#sum.update(taken);
    return taken;
  }

  async atEnd(): Promise<boolean> {
    while (this.#heldBytes === 0) if (!(await this.#more())) return true;
    return false;
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) {
      this.position += this.#heldBytes;
      this.#held = [];
      this.#heldBytes = 0;
      return false;
    }
    this.#held.push(Buffer.from(next.value));
    this.#heldBytes += next.value.byteLength;
    return true;
  }
}
