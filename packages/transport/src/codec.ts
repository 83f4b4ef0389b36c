import { ClusterError, codeOf, ERROR_CODES, messageOf, type ErrorCode } from "@murmur/base";
import { Packr } from "msgpackr/pack";
import { keepable } from "./assembler.ts";
import { isPlainMessage } from "./message-shape.ts";

/**
 * MessagePack without anything that is shared between messages (no records, no structures, no references), so any
 * connection can decode any message. Binary comes back as a plain `Uint8Array`: a copy, or a view of a buffer that it fills
 * by more than half; never does a small one keep a network buffer alive.
 */
const packr = new Packr({ useRecords: false, moreTypes: false, mapsAsObjects: true, copyBuffers: true });

/**
 * Encodes JSON-like values and `Uint8Array`. Throws `invalid_argument` for what can't be encoded or is larger than
 * `bytesMax`.
 */
export function encodeMessage(value: unknown, bytesMax: number): Uint8Array {
  const bytes = value instanceof Uint8Array ? encodeBinary(value) : packr.pack(value);
  if (bytes.length > bytesMax) {
    throw new ClusterError(
      "invalid_argument",
      `a message of ${bytes.length} bytes is larger than the ${bytesMax} allowed: send it in parts, as a stream`,
    );
  }
  return bytes;
}

/** Decodes what `encodeMessage` made; throws `corrupt` for anything else. */
export function decodeMessage(bytes: Uint8Array): unknown {
  if (!isPlainMessage(bytes)) throw new ClusterError("corrupt", "received bytes that are no message");
  if (bytes[0] === BIN_32) return plainView(keepable(bytes)).subarray(BIN_32_HEADER_BYTES);
  try {
    const value: unknown = packr.unpack(plainView(bytes));
    return value;
  } catch (error) {
    // Such as a map whose key is another map.
    throw new ClusterError("corrupt", `received bytes that are no message: ${messageOf(error)}`);
  }
}

const BIN_32 = 0xc6;
const BIN_32_HEADER_BYTES = 5;

/** Nothing but binary is what bulk streams carry: it is encoded without the encoder's copies. */
function encodeBinary(value: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(BIN_32_HEADER_BYTES + value.length);
  bytes[0] = BIN_32;
  bytes.writeUInt32BE(value.length, 1);
  bytes.set(value, BIN_32_HEADER_BYTES);
  return bytes;
}

/** The same bytes as a `Uint8Array` that is no `Buffer`, which the decoder would hand on. */
const plainView = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Encodes a channel or method name and what goes to it. */
export const encodeNamed = (name: string, body: unknown, bytesMax: number): Uint8Array =>
  encodeMessage([name, body], bytesMax);

/** Decodes what `encodeNamed` made; throws `corrupt` for anything else. */
export function decodeNamed(bytes: Uint8Array): { name: string; body: unknown } {
  const value = decodeMessage(bytes);
  if (!Array.isArray(value) || value.length !== 2) throw new ClusterError("corrupt", "received a message without name");
  const [name, body]: unknown[] = value;
  if (typeof name !== "string") throw new ClusterError("corrupt", "received a message without name");
  return { name, body };
}

const ERROR_MESSAGE_CHARS_MAX = 2000;
const CODES: ReadonlySet<string> = new Set(ERROR_CODES);
const isErrorCode = (text: unknown): text is ErrorCode => typeof text === "string" && CODES.has(text);

/** Encodes an error as code and message; any other error than a `ClusterError` arrives as `internal`. */
export function encodeError(error: unknown): Uint8Array {
  return packr.pack([codeOf(error), messageOf(error).slice(0, ERROR_MESSAGE_CHARS_MAX)]);
}

/** Decodes what `encodeError` made; throws `corrupt` for anything else. A code unknown to this version is `internal`. */
export function decodeError(bytes: Uint8Array): ClusterError {
  const value = decodeMessage(bytes);
  if (!Array.isArray(value)) throw new ClusterError("corrupt", "received an error without code");
  const [code, message]: unknown[] = value;
  return new ClusterError(isErrorCode(code) ? code : "internal", typeof message === "string" ? message : "no message");
}
