import { ByteReader } from "./byte-reader.ts";
import { ByteCounter } from "./byte-counter.ts";
import { ByteWriter, type ByteSink } from "./byte-writer.ts";
import type { Exchange, Snapshot } from "./exchange.ts";
import { ADDRESS_LENGTH_MAX, META_BYTES_MAX } from "./limits.ts";
import { MEMBER_STATES } from "./member.ts";
import type { Publication } from "./packet.ts";
import { readId, readPublication, writePublication } from "./rumor-codec.ts";

const VERSION = 1;
const FLAG_REPLY = 1;
const FLAG_JOINING = 2;
const FLAG_LAST = 4;

/** The bytes of a state exchange: header, number of members, members, then publications up to the end. */
export function encodeExchange(exchange: Exchange): Uint8Array {
  const writer = new ByteWriter();
  writeHeader(writer, exchange);
  writer.counter(exchange.members.length);
  for (const member of exchange.members) writeSnapshot(writer, member);
  for (const publication of exchange.publications) writePublication(writer, publication);
  return writer.take();
}

/** The exchange in a message, or undefined when it is malformed or of another version. Never throws. */
export function decodeExchange(bytes: Uint8Array): Exchange | undefined {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== VERSION) return undefined;
  const flags = reader.byte();
  if (flags > (FLAG_REPLY | FLAG_JOINING | FLAG_LAST)) return undefined;
  const from = readId(reader);
  const address = reader.text(1, ADDRESS_LENGTH_MAX);
  const count = reader.counter();
  const members: Snapshot[] = [];
  while (members.length < count && !reader.failed) members.push(readSnapshot(reader));
  const publications: Publication[] = [];
  while (reader.remaining > 0 && !reader.failed) publications.push(readPublication(reader));
  if (!reader.complete) return undefined;
  const kind = (flags & FLAG_REPLY) === 0 ? "request" : "reply";
  const joining = (flags & FLAG_JOINING) !== 0;
  return { kind, from, address, joining, last: (flags & FLAG_LAST) !== 0, members, publications };
}

/** The exact size of a message without members and publications, with room for any number of members. */
export function exchangeHeaderBytes(exchange: Exchange): number {
  const counter = new ByteCounter();
  writeHeader(counter, exchange);
  counter.counter(0xffff_ffff);
  return counter.length;
}

export function snapshotBytes(snapshot: Snapshot): number {
  const counter = new ByteCounter();
  writeSnapshot(counter, snapshot);
  return counter.length;
}

export function publicationBytes(publication: Publication): number {
  const counter = new ByteCounter();
  writePublication(counter, publication);
  return counter.length;
}

function writeHeader(writer: ByteSink, exchange: Exchange): void {
  writer.byte(VERSION);
  const reply = exchange.kind === "reply" ? FLAG_REPLY : 0;
  writer.byte(reply | (exchange.joining ? FLAG_JOINING : 0) | (exchange.last ? FLAG_LAST : 0));
  writer.text(exchange.from);
  writer.text(exchange.address);
}

function writeSnapshot(writer: ByteSink, snapshot: Snapshot): void {
  writer.text(snapshot.id);
  writer.byte(MEMBER_STATES.indexOf(snapshot.state));
  writer.counter(snapshot.incarnation);
  writer.text(snapshot.address);
  writer.bytes(snapshot.meta);
  writer.counter(snapshot.contentIncarnation);
  writer.counter(snapshot.ageMs);
  writer.counter(snapshot.published);
}

function readSnapshot(reader: ByteReader): Snapshot {
  const id = readId(reader);
  const state = MEMBER_STATES[reader.byte()];
  if (state === undefined) reader.fail();
  const incarnation = reader.counter();
  const address = reader.text(1, ADDRESS_LENGTH_MAX);
  const meta = reader.bytes(META_BYTES_MAX);
  const contentIncarnation = reader.counter();
  const ageMs = reader.counter();
  return {
    id,
    state: state ?? "alive",
    incarnation,
    address,
    meta,
    contentIncarnation,
    ageMs,
    published: reader.counter(),
  };
}
