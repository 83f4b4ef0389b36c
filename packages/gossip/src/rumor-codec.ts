import { nodeId, unreachable, type NodeId } from "@murmur/base";
import type { ByteReader } from "./byte-reader.ts";
import { ByteCounter } from "./byte-counter.ts";
import type { ByteSink } from "./byte-writer.ts";
import { ADDRESS_LENGTH_MAX, ID_LENGTH_MAX, KEY_LENGTH_MAX, META_BYTES_MAX, PAYLOAD_BYTES_MAX } from "./limits.ts";
import type { Publication, Rumor } from "./packet.ts";

const TAGS = { alive: 1, suspect: 2, dead: 3, left: 4, publication: 5 } as const satisfies Record<
  Rumor["kind"],
  number
>;

export function writeRumor(writer: ByteSink, rumor: Rumor): void {
  writer.byte(TAGS[rumor.kind]);
  if (rumor.kind === "publication") return writePublication(writer, rumor);
  writer.text(rumor.id);
  writer.counter(rumor.incarnation);
  switch (rumor.kind) {
    case "alive":
      writer.text(rumor.address);
      writer.bytes(rumor.meta);
      return;
    case "suspect":
    case "dead":
      writer.text(rumor.from);
      return;
    case "left":
      return;
    default:
      unreachable(rumor);
  }
}

/** Undefined when malformed; the reader has failed then. */
export function readRumor(reader: ByteReader): Rumor | undefined {
  const tag = reader.byte();
  if (tag === TAGS.publication) return readPublication(reader);
  const id = readId(reader);
  const incarnation = reader.counter();
  switch (tag) {
    case TAGS.alive: {
      const address = reader.text(1, ADDRESS_LENGTH_MAX);
      return { kind: "alive", id, incarnation, address, meta: reader.bytes(META_BYTES_MAX) };
    }
    case TAGS.suspect:
      return { kind: "suspect", id, incarnation, from: readId(reader) };
    case TAGS.dead:
      return { kind: "dead", id, incarnation, from: readId(reader) };
    case TAGS.left:
      return { kind: "left", id, incarnation };
    default:
      reader.fail();
      return undefined;
  }
}

export function writePublication(writer: ByteSink, publication: Publication): void {
  writer.text(publication.origin);
  writer.text(publication.key);
  writer.counter(publication.sequence);
  writer.bytes(publication.payload);
  // Of fixed length, so that a publication's size does not depend on when it is sent.
  writer.uint32(publication.ttlMs);
}

export function readPublication(reader: ByteReader): Publication {
  const origin = readId(reader);
  const key = reader.text(1, KEY_LENGTH_MAX);
  const sequence = reader.counter();
  const payload = reader.bytes(PAYLOAD_BYTES_MAX);
  return { kind: "publication", origin, key, sequence, payload, ttlMs: reader.uint32() };
}

export function readId(reader: ByteReader): NodeId {
  return nodeId(reader.text(1, ID_LENGTH_MAX));
}

/** The exact size of a rumour in a packet. */
export function rumorBytes(rumor: Rumor): number {
  const counter = new ByteCounter();
  writeRumor(counter, rumor);
  return counter.length;
}
