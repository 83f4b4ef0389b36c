import type { OnReadOpts, Socket } from "node:net";

/** As much as most answers have; whoever fills it gets the second, which is what Node makes anew for each read. */
const FIRST_BYTES = 16 * 1024;
const MORE_BYTES = 64 * 1024;

/**
 * Node's `onread` for a connection whose bytes are all written to another one: it reads into one buffer again and again, in
 * place of a new one for each read, which is a ninth of what a small request costs. The bytes come as `data`, as ever. A
 * handler must have written them to `to`, or be done with them, when it returns: what still waits there keeps
 * the buffer, and the next read has another.
 */
export function readInPlace(from: () => Socket, to: Socket): OnReadOpts {
  let buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  return {
    buffer: () => buffer,
    callback(count) {
      from().emit("data", buffer.subarray(0, count));
      const isFull = count === buffer.length && count < MORE_BYTES;
      if (isFull || to.writableLength > 0) buffer = Buffer.allocUnsafeSlow(isFull ? MORE_BYTES : buffer.length);
      // Whoever wants no more has paused the connection.
      return true;
    },
  };
}
