import { assert } from "@murmur/base";
import type { DnsRecord } from "@murmur/discovery";
import {
  CLASS_IN,
  FLAG,
  HEADER_BYTES,
  nameText,
  OPCODE_MASK,
  RCODE,
  TYPE,
  type DnsQuery,
  type Rcode,
  type Refusable,
} from "./query.ts";
import { ipBytes } from "../ip-address.ts";

/** The longest answer by UDP that is neither fragmented on the way nor needs asking about (DNS flag day 2020). */
export const UDP_BYTES_MAX = 1_232;
/** What everybody takes who doesn't say more (RFC 1035). */
export const UDP_BYTES_MIN = 512;
export const TCP_BYTES_MAX = 65_535;
const OPT_BYTES = 11;
/** More than any record of ours has: three names and a few numbers. */
const RECORD_BYTES_MAX = 1_024;
const NAME_TEXT_MAX = 253;
/** A pointer has 14 bits. */
const POINTER_MAX = 0x3fff;

export interface AnswerContent {
  readonly rcode: Rcode;
  /** The header's flags beyond QR and those that are given back: AA, RA. */
  readonly flags: number;
  readonly answers?: readonly DnsRecord[];
  readonly authorities?: readonly DnsRecord[];
  readonly additionals?: readonly DnsRecord[];
}

/** The most bytes that an answer by UDP may have for this asker. */
export const udpLimit = ({ edns }: Refusable): number =>
  edns === undefined ? UDP_BYTES_MIN : Math.min(UDP_BYTES_MAX, Math.max(UDP_BYTES_MIN, edns.payloadBytes));

/**
 * Writes an answer of at most `limitBytes` (at least 512). Names are compressed. Records that find no room are left
 * out: with TC set where they were asked for, without where they were an addition.
 */
export function writeAnswer(to: Refusable, content: AnswerContent, limitBytes: number): Buffer {
  const writer = new MessageWriter(limitBytes - (to.edns === undefined ? 0 : OPT_BYTES), to.questionBytes);
  const isWhole =
    writer.section("answers", content.answers) &&
    writer.section("authorities", content.authorities) &&
    // Helpful, but nothing that the asker would have to come back for.
    (writer.section("additionals", content.additionals) || true);
  const rcode = RCODE[content.rcode];
  if (to.edns !== undefined) writer.opt(rcode >> 4, to.edns.wantsDnssec);
  const returned = to.flags & (OPCODE_MASK | FLAG.RD | FLAG.CD);
  return writer.finish(to.id, FLAG.QR | content.flags | returned | (isWhole ? 0 : FLAG.TC) | (rcode & 0x0f));
}

/** A query to another server with the same question, of the same asker's abilities; without an id. */
export function writeQuery(query: DnsQuery, payloadBytes: number): Buffer {
  const writer = new MessageWriter(payloadBytes, query.questionBytes);
  if (query.edns !== undefined) writer.opt(0, query.edns.wantsDnssec, payloadBytes);
  return writer.finish(0, query.flags & (FLAG.RD | FLAG.AD | FLAG.CD));
}

/** One message in the making. Once a record has not fitted, none is written any more: later names would point at it. */
class MessageWriter {
  readonly #bytes: Buffer;
  readonly #limit: number;
  #at = HEADER_BYTES;
  /** Where a name, or the end of one, stands already. */
  readonly #names = new Map<string, number>();
  readonly #counts = { questions: 0, answers: 0, authorities: 0, additionals: 0 };

  constructor(limitBytes: number, questionBytes: Buffer | undefined) {
    this.#limit = limitBytes;
    this.#bytes = Buffer.allocUnsafe(limitBytes + RECORD_BYTES_MAX);
    if (questionBytes === undefined) return;
    this.#counts.questions = 1;
    questionBytes.copy(this.#bytes, HEADER_BYTES);
    for (let rest = nameText(questionBytes); rest !== ""; rest = rest.slice(labelOf(rest).length + 1)) {
      this.#names.set(rest, this.#at);
      this.#at += 1 + (this.#bytes[this.#at] ?? 0);
    }
    this.#at = HEADER_BYTES + questionBytes.length;
  }

  /** False when not all of it found room. */
  section(name: "answers" | "authorities" | "additionals", records: readonly DnsRecord[] = []): boolean {
    for (const record of records) {
      const start = this.#at;
      this.#record(record);
      if (this.#at > this.#limit) {
        this.#at = start;
        return false;
      }
      this.#counts[name] += 1;
    }
    return true;
  }

  /** Room for it was kept free. */
  opt(upperRcode: number, wantsDnssec: boolean, payloadBytes = UDP_BYTES_MAX): void {
    this.#counts.additionals += 1;
    this.#byte(0);
    this.#word(TYPE.OPT);
    this.#word(payloadBytes);
    this.#byte(upperRcode);
    this.#byte(0);
    this.#word(wantsDnssec ? 0x8000 : 0);
    this.#word(0);
  }

  finish(id: number, flags: number): Buffer {
    const { questions, answers, authorities, additionals } = this.#counts;
    const words = [id, flags, questions, answers, authorities, additionals];
    for (const [index, word] of words.entries()) this.#bytes.writeUInt16BE(word, index * 2);
    return this.#bytes.subarray(0, this.#at);
  }

  #record(record: DnsRecord): void {
    this.#name(record.name);
    this.#word(TYPE[record.type]);
    this.#word(CLASS_IN);
    this.#long(record.ttl);
    const lengthAt = this.#at;
    this.#at += 2;
    this.#data(record);
    this.#bytes.writeUInt16BE(this.#at - lengthAt - 2, lengthAt);
  }

  #data(record: DnsRecord): void {
    switch (record.type) {
      case "A":
      case "AAAA":
        for (const byte of ipBytes(record.data) ?? []) this.#byte(byte);
        return;
      case "PTR":
        return this.#name(record.data);
      case "SRV": {
        const { priority, weight, port, target } = record.data;
        for (const word of [priority, weight, port]) this.#word(word);
        // RFC 2782 wants this name whole.
        return this.#name(target, { compress: false });
      }
      case "SOA": {
        const { mname, rname, serial, refresh, retry, expire, minimum } = record.data;
        this.#name(mname);
        this.#name(rname);
        for (const long of [serial, refresh, retry, expire, minimum]) this.#long(long);
        return;
      }
      case "HINFO":
        for (const text of [record.data.cpu, record.data.os]) {
          this.#byte(text.length);
          this.#at += this.#bytes.write(text, this.#at, "latin1");
        }
    }
  }

  #name(name: string, { compress } = { compress: true }): void {
    assert(name.length <= NAME_TEXT_MAX, "a name is at most 253 characters");
    for (let rest = name; rest !== "";) {
      const known = this.#names.get(rest);
      if (known !== undefined && compress) return this.#word(0xc000 | known);
      if (known === undefined && this.#at <= POINTER_MAX) this.#names.set(rest, this.#at);
      const label = labelOf(rest);
      this.#byte(label.length);
      this.#at += this.#bytes.write(label, this.#at, "latin1");
      rest = rest.slice(label.length + 1);
    }
    this.#byte(0);
  }

  #byte(value: number): void {
    this.#at = this.#bytes.writeUInt8(value, this.#at);
  }
  #word(value: number): void {
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
  }
  #long(value: number): void {
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
  }
}

const labelOf = (name: string): string => {
  const dot = name.indexOf(".");
  return dot < 0 ? name : name.slice(0, dot);
};
