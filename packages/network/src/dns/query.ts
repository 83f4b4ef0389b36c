import type { Question } from "@murmur/discovery";

/** Response codes: RFC 1035, and RFC 6891 for `BADVERS`, whose upper bits go into the OPT record. */
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const;
export type Rcode = keyof typeof RCODE;

export const HEADER_BYTES = 12;
export const TYPE = {
  A: 1,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;
export const CLASS_IN = 1;
const CLASS_ANY = 255;
/** Bits of the header's second word. */
export const FLAG = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, AD: 0x0020, CD: 0x0010 } as const;
export const OPCODE_MASK = 0x7800;
/** What a name may be long, with its length bytes and the root's (RFC 1035, 2.3.4). */
const NAME_BYTES_MAX = 255;

/** A question that can be answered. */
export interface DnsQuery {
  readonly id: number;
  /** The header's second word: RD and CD are given back as they came. */
  readonly flags: number;
  readonly question: Question;
  /** The question's bytes as they came, so that the answer repeats them to the letter. */
  readonly questionBytes: Buffer;
  /** Whether the class is one that names have addresses in. */
  readonly isInternet: boolean;
  readonly edns: Edns | undefined;
}

/** What the asker says of itself (RFC 6891). */
interface Edns {
  /** The longest answer that it takes by UDP, in bytes. */
  readonly payloadBytes: number;
  readonly wantsDnssec: boolean;
}

/** What is left of a query that can't be answered, to refuse it by. */
export type Refusable = Pick<DnsQuery, "id" | "flags" | "edns"> & { readonly questionBytes: Buffer | undefined };

export type ReadQuery =
  | { readonly kind: "query"; readonly query: DnsQuery }
  | { readonly kind: "refused"; readonly rcode: Rcode; readonly to: Refusable }
  /** Not a question at all: to answer it might begin an endless exchange. */
  | { readonly kind: "ignored" };

/**
 * Reads a query. Strict, total, and in time linear in the length: no byte is read that is not there, names in a
 * question may not be compressed, and what is not understood is refused.
 */
export function readQuery(bytes: Buffer): ReadQuery {
  if (bytes.length < HEADER_BYTES) return { kind: "ignored" };
  const id = bytes.readUInt16BE(0);
  const flags = bytes.readUInt16BE(2);
  if ((flags & FLAG.QR) !== 0) return { kind: "ignored" };
  const refused = (rcode: Rcode, questionBytes?: Buffer, edns?: Edns): ReadQuery => ({
    kind: "refused",
    rcode,
    to: { id, flags, questionBytes, edns },
  });
  if ((flags & OPCODE_MASK) !== 0) return refused("NOTIMP");
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  if (questions !== 1 || answers !== 0 || authorities !== 0) return refused("FORMERR");
  const end = endOfQuestion(bytes);
  if (end === undefined) return refused("FORMERR");
  const questionBytes = bytes.subarray(HEADER_BYTES, end);
  const options = readAdditionals(bytes, end, additionals ?? 0);
  if (options === undefined) return refused("FORMERR", questionBytes);
  if (options.version !== 0) return refused("BADVERS", questionBytes, options.edns);
  const questionClass = bytes.readUInt16BE(end - 2);
  const question = { name: nameText(questionBytes), type: typeText(bytes.readUInt16BE(end - 4)) };
  const isInternet = questionClass === CLASS_IN || questionClass === CLASS_ANY;
  return { kind: "query", query: { id, flags, question, questionBytes, isInternet, edns: options.edns } };
}

/** Where the first question of a message ends; undefined when it is damaged or its name is compressed. */
export function endOfQuestion(bytes: Buffer): number | undefined {
  let at = HEADER_BYTES;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > 63) return undefined;
    at += 1 + length;
    if (at - HEADER_BYTES > NAME_BYTES_MAX) return undefined;
    if (length === 0) break;
  }
  return at + 4 <= bytes.length ? at + 4 : undefined;
}

/** Looks for the OPT record among the rest, and checks that the message ends where it says. */
function readAdditionals(
  bytes: Buffer,
  start: number,
  count: number,
): { readonly edns: Edns | undefined; readonly version: number } | undefined {
  let edns: Edns | undefined;
  let version = 0;
  let at = start;
  for (let index = 0; index < count; index += 1) {
    const fixed = endOfName(bytes, at);
    if (fixed === undefined || fixed + 10 > bytes.length) return undefined;
    const end = fixed + 10 + bytes.readUInt16BE(fixed + 8);
    if (end > bytes.length) return undefined;
    if (bytes.readUInt16BE(fixed) === TYPE.OPT) {
      if (edns !== undefined || fixed !== at + 1) return undefined;
      version = bytes.readUInt8(fixed + 5);
      const wantsDnssec = (bytes.readUInt16BE(fixed + 6) & 0x8000) !== 0;
      edns = { payloadBytes: bytes.readUInt16BE(fixed + 2), wantsDnssec };
    }
    at = end;
  }
  return at === bytes.length ? { edns, version } : undefined;
}

/** Where a name ends that may be compressed. The pointer is not followed: the name itself is not wanted. */
export function endOfName(bytes: Buffer, start: number): number | undefined {
  for (let at = start; at - start <= NAME_BYTES_MAX;) {
    const length = bytes[at];
    if (length === undefined) return undefined;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    if (length > 63) return undefined;
    at += 1 + length;
  }
  return undefined;
}

/** The name as text, without the dot at the end. What is no letter, digit, `-` or `_` is escaped, as in zone files. */
export function nameText(bytes: Buffer): string {
  const labels: string[] = [];
  for (let at = 0; ;) {
    const length = bytes[at] ?? 0;
    if (length === 0) return labels.join(".");
    const label = bytes.toString("latin1", at + 1, at + 1 + length);
    labels.push(PLAIN_LABEL.test(label) ? label : label.replaceAll(SPECIAL, escaped));
    at += 1 + length;
  }
}
const PLAIN_LABEL = /^[\w-]+$/;
const SPECIAL = /[^\w-]/g;
const escaped = (byte: string): string => `\\${byte.charCodeAt(0).toString().padStart(3, "0")}`;

const TYPE_NAMES = new Map<number, string>(Object.entries(TYPE).map(([name, code]) => [code, name]));
const typeText = (code: number): string => TYPE_NAMES.get(code) ?? `TYPE${String(code)}`;
