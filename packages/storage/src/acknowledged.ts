import { constants, open, type FileHandle } from "node:fs/promises";
import { decodeHeader, HEADER_BYTES_MAX, type BatchHeader } from "./batch-codec.ts";

const SLOT_BYTES = 512;

/**
 * Remembers, outside the log, the header of the newest acknowledged batch. It tells an acknowledged batch that was damaged
 * from one that was cut off by a crash, and is a second copy of term and vote. Written when the log falls idle (a later
 * batch proves as much), in two slots by turns, and not synced: after a power cut it may be older than the log, which
 * means less knowledge, never wrong knowledge.
 */
export class Acknowledged implements AsyncDisposable {
  readonly #file: FileHandle;
  /** The newest header found when the file was opened. */
  readonly atOpen: BatchHeader | undefined;
  #slot = 0;

  private constructor(file: FileHandle, atOpen: BatchHeader | undefined) {
    this.#file = file;
    this.atOpen = atOpen;
  }

  static async open(path: string): Promise<Acknowledged> {
    const opened = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    const bytes = Buffer.alloc(SLOT_BYTES * 2);
    await opened.read(bytes, 0, bytes.length, 0);
    const headers = [0, SLOT_BYTES].map((at) => decodeHeader(bytes.subarray(at, at + SLOT_BYTES), 0)?.header);
    const [first, second] = headers;
    const newest = (second?.sequence ?? 0) > (first?.sequence ?? 0) ? second : first;
    const acknowledged = new Acknowledged(opened, newest);
    acknowledged.#slot = newest === first ? 1 : 0;
    return acknowledged;
  }

  async write(header: Uint8Array): Promise<void> {
    const bytes = Buffer.alloc(HEADER_BYTES_MAX);
    bytes.set(header);
    await this.#file.write(bytes, 0, bytes.length, this.#slot * SLOT_BYTES);
    this.#slot = 1 - this.#slot;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
