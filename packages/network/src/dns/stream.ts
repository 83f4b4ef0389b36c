import { HEADER_BYTES } from "./query.ts";

/** What is shorter is no message at all. */
export const MESSAGE_BYTES_MIN = HEADER_BYTES;

/** A message as it goes over TCP: its length in two bytes first (RFC 1035, 4.2.2). */
export function withLength(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, 2);
  return framed;
}

/** Puts messages together again from a stream. Holds at most one that is not whole: 64 KiB and one chunk. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The messages that are whole with this chunk; undefined when the peer does not speak DNS. */
  push(chunk: Buffer): readonly Buffer[] | undefined {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: Buffer[] = [];
    while (bytes.length >= 2) {
      const length = bytes.readUInt16BE(0);
      if (length < MESSAGE_BYTES_MIN) return undefined;
      if (bytes.length < 2 + length) break;
      messages.push(bytes.subarray(2, 2 + length));
      bytes = bytes.subarray(2 + length);
    }
    this.#rest = bytes;
    return messages;
  }
}
