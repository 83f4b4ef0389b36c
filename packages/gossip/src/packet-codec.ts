import { assert, unreachable } from "@murmur/base";
import { ByteReader } from "./byte-reader.ts";
import { ByteCounter } from "./byte-counter.ts";
import { ByteWriter, type ByteSink } from "./byte-writer.ts";
import { ADDRESS_LENGTH_MAX, DATAGRAM_BYTES_MAX } from "./limits.ts";
import type { Message, Packet, Rumor } from "./packet.ts";
import { readId, readRumor, writeRumor } from "./rumor-codec.ts";

/** First byte of every datagram. A receiver drops what it does not know. */
const VERSION = 1;
const TAGS = { ping: 1, pingReq: 2, ack: 3, nack: 4, gossip: 5 } as const satisfies Record<Message["kind"], number>;

/** For one packet after the other. It has grown at most to the size of a datagram, or of a packet that is refused. */
const writer = new ByteWriter();

/**
 * The bytes of a packet: version, sender, message, then rumours up to the end. Asserts that they fit a datagram: the
 * core fills packets by `headerBytes` and `rumorBytes`.
 */
export function encodePacket(packet: Packet): Uint8Array {
  writer.clear();
  writeHeader(writer, packet);
  for (const rumor of packet.rumors) writeRumor(writer, rumor);
  assert(writer.length <= DATAGRAM_BYTES_MAX, "a packet fits a datagram");
  return writer.take();
}

/** The packet in a datagram, or undefined when it is malformed or of another version. Never throws. */
export function decodePacket(bytes: Uint8Array): Packet | undefined {
  if (bytes.length > DATAGRAM_BYTES_MAX) return undefined;
  const reader = new ByteReader(bytes);
  if (reader.byte() !== VERSION) return undefined;
  const from = readId(reader);
  const message = readMessage(reader);
  const rumors: Rumor[] = [];
  while (!reader.failed && reader.remaining > 0) {
    const rumor = readRumor(reader);
    if (rumor !== undefined) rumors.push(rumor);
  }
  return message === undefined || !reader.complete ? undefined : { from, message, rumors };
}

/** The exact size of a packet without its rumours. */
export function headerBytes(packet: Packet): number {
  const counter = new ByteCounter();
  writeHeader(counter, packet);
  return counter.length;
}

function writeHeader(writer: ByteSink, packet: Packet): void {
  writer.byte(VERSION);
  writer.text(packet.from);
  const message = packet.message;
  writer.byte(TAGS[message.kind]);
  switch (message.kind) {
    case "ping":
      writer.uint32(message.number);
      writer.text(message.target);
      return;
    case "pingReq":
      writer.uint32(message.number);
      writer.text(message.target);
      writer.text(message.address);
      writer.uint32(message.timeoutMs);
      writer.flag(message.wantsNack);
      return;
    case "ack":
    case "nack":
      writer.uint32(message.number);
      return;
    case "gossip":
      return;
    default:
      unreachable(message);
  }
}

function readMessage(reader: ByteReader): Message | undefined {
  const tag = reader.byte();
  switch (tag) {
    case TAGS.ping:
      return { kind: "ping", number: reader.uint32(), target: readId(reader) };
    case TAGS.pingReq: {
      const number = reader.uint32();
      const target = readId(reader);
      const address = reader.text(1, ADDRESS_LENGTH_MAX);
      return { kind: "pingReq", number, target, address, timeoutMs: reader.uint32(), wantsNack: reader.flag() };
    }
    case TAGS.ack:
      return { kind: "ack", number: reader.uint32() };
    case TAGS.nack:
      return { kind: "nack", number: reader.uint32() };
    case TAGS.gossip:
      return { kind: "gossip" };
    default:
      reader.fail();
      return undefined;
  }
}
