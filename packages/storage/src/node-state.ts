import { ClusterError } from "@murmur/base";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { lockDirectory } from "./directory-lock.ts";
import { diskError, isMissing, privateDirectory, remove, replaceFile, syncDirectory } from "./disk.ts";

/**
 * The few small records that a node keeps for itself: its identity, its agent's notes. Each is a file of mode 0600 that
 * is replaced in one step. Names are `[a-z0-9-]`, up to 64 characters.
 */
export interface NodeState extends AsyncDisposable {
  /** The record as it was put; undefined when there is none. Rejects with `corrupt` when its checksum is wrong. */
  get(name: string): Promise<unknown>;
  /** Resolves when the record is durable. The value is anything that JSON can express, up to 16 MiB of it. */
  put(name: string, value: unknown): Promise<void>;
  /** Resolves when the removal is durable. */
  delete(name: string): Promise<void>;
}

const RECORD_BYTES_MAX = 16 * 2 ** 20;
const NAME_PATTERN = /^[a-z0-9-]{1,64}$/;

/**
 * Opens the node's own state in a directory that nothing else uses; makes it when it isn't there. Rejects with `in_use`
 * when another process has it open.
 */
export async function openNodeState(options: { readonly directory: string }): Promise<NodeState> {
  const { directory } = options;
  await privateDirectory(directory);
  const lock = await lockDirectory(directory);
  return new FileNodeState(directory, lock);
}

class FileNodeState implements NodeState {
  readonly #directory: string;
  readonly #lock: Disposable;
  /** Calls run one after another: two writes of one record must not mix. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(directory: string, lock: Disposable) {
    this.#directory = directory;
    this.#lock = lock;
  }

  get(name: string): Promise<unknown> {
    return this.#inTurn(name, async (path) => {
      try {
        return decode(await readFile(path), path);
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    });
  }

  put(name: string, value: unknown): Promise<void> {
    return this.#inTurn(name, (path) => replaceFile(path, encode(value, name)));
  }

  delete(name: string): Promise<void> {
    return this.#inTurn(name, async (path) => {
      await remove(path);
      await syncDirectory(this.#directory);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#turn.catch(() => {});
    this.#lock[Symbol.dispose]();
  }

  #inTurn<T>(name: string, step: (path: string) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new ClusterError("unavailable", `${this.#directory} was closed`));
    if (!NAME_PATTERN.test(name)) return Promise.reject(new ClusterError("internal", `not a record's name: ${name}`));
    const path = join(this.#directory, `${name}.json`);
    const run = (): Promise<T> => step(path);
    const result = this.#turn.then(run, run);
    this.#turn = result;
    return result.catch((error: unknown) => {
      throw diskError(this.#directory, error);
    });
  }
}

/** A record on disk: its checksum in hex, a line feed, the JSON. */
function encode(value: unknown, name: string): Buffer {
  const json: string | undefined = JSON.stringify(value);
  if (json === undefined) throw new ClusterError("internal", `the record ${name} cannot be expressed in JSON`);
  const body = Buffer.from(json);
  if (body.length > RECORD_BYTES_MAX) throw new ClusterError("internal", `the record ${name} is larger than 16 MiB`);
  return Buffer.concat([Buffer.from(`${checksum(body)}\n`), body]);
}

function decode(bytes: Buffer, path: string): unknown {
  const body = bytes.subarray(9);
  if (bytes.toString("latin1", 0, 9) !== `${checksum(body)}\n`)
    throw new ClusterError(
      "corrupt",
      `${path} is damaged; restore it from a backup, or remove this node and join it again`,
    );
  const value: unknown = JSON.parse(body.toString());
  return value;
}

const checksum = (body: Buffer): string => crc32(body).toString(16).padStart(8, "0");
