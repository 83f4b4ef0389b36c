import { ClusterError } from "@murmur/base";

/** One frame of Docker's multiplexed form: which stream it is of, and what was written. */
export interface Frame {
  /** 0 standard input, 1 standard output, 2 standard error, 3 the daemon's own word that something went wrong. */
  readonly stream: number;
  readonly payload: Uint8Array;
}

const HEADER_BYTES = 8;
/** An engine cuts lines at 16 KiB. A longer frame is none of its. */
const FRAME_BYTES_MAX = 1024 * 1024;

/** A frame as it travels: the stream's number, three zeros, the length (big-endian), the payload. */
export function encodeFrame(stream: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.byteLength);
  bytes[0] = stream;
  new DataView(bytes.buffer).setUint32(4, payload.byteLength);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/**
 * The frames of a multiplexed stream, all that each piece completes at once. What hasn't been asked for stays with the
 * source. Errors: `corrupt` for a frame beyond 1 MiB, and for a stream that ends within one.
 */
export async function* readFrames(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly Frame[], void, undefined> {
  let rest: Uint8Array = new Uint8Array();
  for await (const piece of pieces) {
    const bytes = rest.byteLength === 0 ? piece : Buffer.concat([rest, piece]);
    const { frames, end } = framesIn(bytes);
    rest = bytes.subarray(end);
    if (frames.length > 0) yield frames;
  }
  if (rest.byteLength > 0) throw new ClusterError("corrupt", "the stream broke off within a line");
}

function framesIn(bytes: Uint8Array): { readonly frames: readonly Frame[]; readonly end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Frame[] = [];
  let at = 0;
  while (bytes.byteLength - at >= HEADER_BYTES) {
    const length = view.getUint32(at + 4);
    if (length > FRAME_BYTES_MAX) throw new ClusterError("corrupt", "a frame is longer than any line");
    const end = at + HEADER_BYTES + length;
    if (end > bytes.byteLength) break;
    frames.push({ stream: bytes[at] ?? 0, payload: bytes.subarray(at + HEADER_BYTES, end) });
    at = end;
  }
  return { frames, end: at };
}
