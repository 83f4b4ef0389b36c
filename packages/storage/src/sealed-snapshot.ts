import { assert } from "@murmur/base";
import { LogCipher, SALT_BYTES, shut, TAG_BYTES, type DiskKey } from "./log-cipher.ts";
import type { SnapshotMeta, SnapshotReader, SnapshotReceiver } from "./log-storage.ts";

/*
 * A sealed snapshot: magic[8] salt[16], then blocks of 64 KiB, each sealed under its number; the last one, which may be
 * shorter and is the only one that may be empty, under another context, so that a snapshot that is cut short doesn't open.
 */
const MAGIC = Buffer.from("MRSEALS1", "latin1");
const HEADER_BYTES = MAGIC.length + SALT_BYTES;
const BLOCK_BYTES = 65_536;
const SEALED_BLOCK_BYTES = BLOCK_BYTES + TAG_BYTES;

const contextOf = ({ index, term }: SnapshotMeta, isLast: boolean): string =>
  `${String(index)}/${String(term)}/${isLast ? "last" : "more"}`;

/** Cuts what comes into blocks and seals them. */
class BlockSealer {
  readonly #cipher: LogCipher;
  readonly #meta: SnapshotMeta;
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #filled = 0;
  #number = 0;

  constructor(key: DiskKey, meta: SnapshotMeta) {
    this.#cipher = new LogCipher(key, "snapshot");
    this.#meta = meta;
  }

  header(): Buffer {
    return Buffer.concat([MAGIC, this.#cipher.salt]);
  }

  /** The blocks that are full; one is kept back, since it may be the last. */
  push(bytes: Uint8Array): Buffer {
    const sealed: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === BLOCK_BYTES) {
        sealed.push(this.#seal(this.#block));
        this.#filled = 0;
      }
      const part = bytes.subarray(at, at + BLOCK_BYTES - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
    }
    return Buffer.concat(sealed);
  }

  end(): Buffer {
    return this.#seal(this.#block.subarray(0, this.#filled), true);
  }

  #seal(block: Uint8Array, isLast = false): Buffer {
    const sealed = this.#cipher.seal(block, this.#number, contextOf(this.#meta, isLast));
    this.#number += 1;
    return sealed;
  }
}

/** The content of a snapshot, sealed as it is made. */
export async function* sealContent(
  content: AsyncIterable<Uint8Array>,
  key: DiskKey,
  meta: SnapshotMeta,
): AsyncGenerator<Uint8Array> {
  const sealer = new BlockSealer(key, meta);
  yield sealer.header();
  for await (const bytes of content) {
    const sealed = sealer.push(bytes);
    if (sealed.length > 0) yield sealed;
  }
  yield sealer.end();
}

/** A snapshot that arrives in clear and is stored sealed; offsets are those of the content. */
export class SealedReceiver implements SnapshotReceiver {
  readonly inner: SnapshotReceiver;
  readonly key: DiskKey;
  readonly #sealer: BlockSealer;
  #hasHeader = false;
  #received = 0;
  /** Bytes given to `inner`. */
  #at = 0;
  readonly #toCommit: (commit: () => Promise<void>) => Promise<void>;

  /** `toCommit` does it unless things are written in another form by now. */
  constructor(inner: SnapshotReceiver, key: DiskKey, toCommit: (commit: () => Promise<void>) => Promise<void>) {
    assert(inner.received === 0, "a sealed transfer begins at its beginning");
    this.inner = inner;
    this.key = key;
    this.#sealer = new BlockSealer(key, inner.meta);
    this.#toCommit = toCommit;
  }

  get meta(): SnapshotMeta {
    return this.inner.meta;
  }
  get received(): number {
    return this.#received;
  }

  async append(offset: number, bytes: Uint8Array): Promise<boolean> {
    if (offset !== this.#received) return false;
    // Counted at once, so that what is sealed is sealed once and in order; a write that fails ends the transfer.
    this.#received += bytes.length;
    const header = this.#hasHeader ? [] : [this.#sealer.header()];
    this.#hasHeader = true;
    await this.#write(Buffer.concat([...header, this.#sealer.push(bytes)]));
    return true;
  }

  async commit(): Promise<void> {
    const header = this.#hasHeader ? [] : [this.#sealer.header()];
    this.#hasHeader = true;
    await this.#write(Buffer.concat([...header, this.#sealer.end()]));
    await this.#toCommit(() => this.inner.commit());
  }

  abort(): Promise<void> {
    return this.inner.abort();
  }

  async #write(bytes: Buffer): Promise<void> {
    const at = this.#at;
    this.#at += bytes.length;
    assert(await this.inner.append(at, bytes), "nobody else writes to a transfer");
  }
}

/** The content of a snapshot, sealed or not. Throws `corrupt` when none of the keys opens it. */
export async function openContent(
  inner: SnapshotReader,
  keys: readonly DiskKey[],
): Promise<{ readonly reader: SnapshotReader; readonly key: DiskKey | undefined }> {
  const header = Buffer.from(await inner.read(0, HEADER_BYTES));
  if (header.length < HEADER_BYTES || header.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0)
    return { reader: inner, key: undefined };
  const salt = header.subarray(MAGIC.length);
  for (const key of keys) {
    const reader = new UnsealingReader(inner, new LogCipher(key, "snapshot", salt));
    if ((await reader.block(0)) !== undefined) return { reader, key };
  }
  throw shut("the snapshot");
}

class UnsealingReader implements SnapshotReader {
  readonly #inner: SnapshotReader;
  readonly #cipher: LogCipher;
  readonly #blocks: number;
  readonly size: number;

  constructor(inner: SnapshotReader, cipher: LogCipher) {
    this.#inner = inner;
    this.#cipher = cipher;
    const bytes = inner.size - HEADER_BYTES;
    this.#blocks = Math.ceil(bytes / SEALED_BLOCK_BYTES);
    this.size = bytes - this.#blocks * TAG_BYTES;
  }

  get meta(): SnapshotMeta {
    return this.#inner.meta;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(this.size, offset + length);
    const parts: Buffer[] = [];
    for (let number = Math.floor(offset / BLOCK_BYTES); number * BLOCK_BYTES < end; number += 1) {
      const block = await this.block(number);
      if (block === undefined) throw shut("the snapshot");
      const start = number * BLOCK_BYTES;
      parts.push(block.subarray(Math.max(0, offset - start), end - start));
    }
    return new Uint8Array(Buffer.concat(parts));
  }

  /** Undefined when it doesn't open. */
  async block(number: number): Promise<Buffer | undefined> {
    const sealed = await this.#inner.read(HEADER_BYTES + number * SEALED_BLOCK_BYTES, SEALED_BLOCK_BYTES);
    return this.#cipher.open(sealed, number, contextOf(this.meta, number === this.#blocks - 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}
