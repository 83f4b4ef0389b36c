import { assert, type Millis } from "@murmur/base";

/** Every bound of the transport. All have defaults; what happens at each bound is said beside it. */
export interface TransportLimits {
  /** Largest frame on the wire; longer items are cut into chunks, and others' frames go in between. */
  frameBytesMax: number;
  /** Largest encoded message, call body, result or stream message; a larger one is refused to its sender. */
  messageBytesMax: number;

  /** Channel messages that wait for one peer; when full, the oldest is dropped. */
  outboxMessages: number;
  outboxBytes: number;

  /** Calls in flight with one peer, each direction; one more is refused with `overloaded`. */
  callsMax: number;
  /** Bytes of request bodies in flight, and of results waiting to be sent; beyond: `overloaded`. */
  callBytesMax: number;

  /** Streams with one peer, each direction; one more is refused with `overloaded`. */
  streamsMax: number;
  /** What a stream's writer may send before its reader has taken it; then the writer waits. */
  streamWindowBytes: number;
  /** What a stream's writer may hand over before `write` makes it wait. */
  streamBufferBytes: number;
  /** Bulk bytes (streams, large items) on their way at once. Bounds how long anything urgent waits behind them. */
  bulkWindowBytes: number;

  /** Bulk waits while a link holds more than this unsent. */
  linkBulkBytes: number;
  /** Everything waits while a link holds more than this unsent. */
  linkBytesMax: number;
  /** Control frames that wait for a link which takes no more; beyond, the connection is closed. */
  controlFramesMax: number;

  dialTimeoutMs: Millis;
  /** Delay before the second attempt to reach a peer; doubles with each failure up to the maximum; jittered. */
  backoffMinMs: Millis;
  backoffMaxMs: Millis;
  /** How long after the last send, call or stream a lost peer is still dialled again. */
  interestMs: Millis;
  /** A connection that carried nothing but pings for this long is closed. */
  idleMs: Millis;
  pingMs: Millis;
  /** A connection on which nothing arrived for this long is dead. */
  silenceMs: Millis;
  /** For calls that name no timeout of their own. */
  callTimeoutMs: Millis;

  /** Accepted sockets, authenticated or not; the kernel's further ones are closed at once. */
  connectionsMax: number;
  /** Largest join request and answer; a larger one is refused. */
  joinBytesMax: number;
  /** Join requests served at once; one more is refused with `overloaded`. */
  joinsMax: number;
  joinTimeoutMs: Millis;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_LIMITS: TransportLimits = {
  frameBytesMax: 64 * KIB,
  messageBytesMax: 8 * MIB,
  outboxMessages: 1024,
  outboxBytes: 16 * MIB,
  callsMax: 1024,
  callBytesMax: 32 * MIB,
  streamsMax: 256,
  streamWindowBytes: 256 * KIB,
  streamBufferBytes: 64 * KIB,
  bulkWindowBytes: MIB,
  linkBulkBytes: 128 * KIB,
  linkBytesMax: MIB,
  controlFramesMax: 4096,
  dialTimeoutMs: 1000,
  backoffMinMs: 50,
  backoffMaxMs: 2000,
  interestMs: 10_000,
  idleMs: 300_000,
  pingMs: 500,
  silenceMs: 1500,
  callTimeoutMs: 10_000,
  connectionsMax: 1024,
  joinBytesMax: 64 * KIB,
  joinsMax: 64,
  joinTimeoutMs: 10_000,
};

/** The defaults with some of them changed. */
export function transportLimits(changes: Partial<TransportLimits> = {}): TransportLimits {
  const limits = { ...DEFAULT_LIMITS, ...changes };
  assert(limits.frameBytesMax >= KIB, "a frame holds at least 1 KiB");
  assert(limits.streamWindowBytes >= 16 * KIB, "a stream's window holds at least 16 KiB");
  assert(limits.bulkWindowBytes >= 2 * limits.frameBytesMax, "the bulk window holds at least two frames");
  assert(limits.outboxBytes >= limits.messageBytesMax, "the outbox holds at least one message");
  assert(limits.callBytesMax >= limits.messageBytesMax, "the bytes of calls hold at least one message");
  assert(limits.silenceMs > limits.pingMs, "silence lasts longer than the time between pings");
  return limits;
}
