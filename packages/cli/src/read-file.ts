import { createReadStream } from "node:fs";
import { messageOf } from "@murmur/base";
import { invalid } from "./argument-error.ts";

/** Far more than anything that a command takes: the daemon says how much of what is allowed. */
const BYTES_MAX = 2 * 1024 * 1024;

/** A file that a user names. Errors: `invalid_argument` with the path and why. */
export async function readFile(path: string): Promise<Buffer> {
  try {
    return await readAll(createReadStream(path) as AsyncIterable<Uint8Array>, path);
  } catch (error) {
    throw invalid(`can't read ${path}: ${messageOf(error)}`);
  }
}

/** All that comes, `what` it is called in errors. Errors: `invalid_argument` when it is too much. */
export async function readAll(
  parts: AsyncIterable<Uint8Array>,
  what: string,
  bytesMax: number = BYTES_MAX,
): Promise<Buffer> {
  const read: Uint8Array[] = [];
  let size = 0;
  for await (const part of parts) {
    size += part.length;
    if (size > bytesMax) throw invalid(`${what} has more than ${String(bytesMax)} bytes`);
    read.push(part);
  }
  return Buffer.concat(read);
}
