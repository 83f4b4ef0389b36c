import { assert } from "@murmur/base";

/**
 * Kinds of frame; a frame's first byte holds the index. `message` to `open` and `data` may come in chunks.
 * - ping, pong: keep-alive. received: bulk bytes that arrived (4 bytes). retire: "I start nothing new here".
 * - bye: "my transport ends".
 * - message: [channel, body]. request, open: [method, body]. response: the result. failure: [code, message].
 * - cancel: the caller wants the result no more. data: part of a stream message. end: "I write no more".
 * - stop: "I read no more". credit: bytes that the other side may write in addition (4 bytes).
 */
const KINDS = [
  "ping",
  "pong",
  "received",
  "retire",
  "bye",
  "message",
  "request",
  "response",
  "failure",
  "cancel",
  "open",
  "data",
  "end",
  "stop",
  "credit",
] as const;
export type FrameKind = (typeof KINDS)[number];

const INDEX: ReadonlyMap<FrameKind, number> = new Map(KINDS.map((kind, index) => [kind, index]));
const MORE = 0x80;
const BULK = 0x40;
const KIND_MASK = 0x3f;
export const FRAME_HEADER_BYTES = 5;

/** One WebSocket message: kind and flags (1 byte), exchange id (4 bytes), payload. */
export interface Frame {
  readonly kind: FrameKind;
  /** The call or stream it belongs to; 0 for what belongs to none. */
  readonly id: number;
  /** Whether further chunks of the same item follow. */
  readonly more: boolean;
  /** Whether it counts against the bulk window. */
  readonly bulk: boolean;
  readonly payload: Uint8Array;
}

const EMPTY = new Uint8Array(0);

export function encodeFrame(frame: Pick<Frame, "kind"> & Partial<Frame>): Uint8Array {
  const { kind, id = 0, more = false, bulk = false, payload = EMPTY } = frame;
  const index = INDEX.get(kind);
  assert(index !== undefined, "every kind of frame has an index");
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  bytes[0] = index | (more ? MORE : 0) | (bulk ? BULK : 0);
  bytes.writeUInt32BE(id, 1);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** Reads a frame; undefined when the bytes are none. The payload is a view of the bytes. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  const first = bytes[0];
  if (first === undefined || bytes.length < FRAME_HEADER_BYTES) return undefined;
  const kind = KINDS[first & KIND_MASK];
  if (kind === undefined) return undefined;
  const payload = bytes.subarray(FRAME_HEADER_BYTES);
  return { kind, id: readUint32(bytes, 1), more: (first & MORE) !== 0, bulk: (first & BULK) !== 0, payload };
}

/** Writes a number of bytes as the payload of `received` and `credit`. */
export function encodeCount(count: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(count);
  return bytes;
}

/** Reads the first four bytes as a number; 0 when there are fewer. */
export const readCount = (bytes: Uint8Array): number => (bytes.length < 4 ? 0 : readUint32(bytes, 0));

const readUint32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
