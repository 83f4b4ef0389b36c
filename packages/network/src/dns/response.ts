import { endOfName, endOfQuestion, FLAG, HEADER_BYTES, RCODE, TYPE } from "./query.ts";

/** The longest that an answer is kept, whatever it allows; seconds. */
const POSITIVE_S_MAX = 300;
const NEGATIVE_S_MAX = 30;

/** What of a response from another server matters to who passes it on. */
export interface Response {
  readonly rcode: number;
  /** Not all of it: TC is set. */
  readonly isCut: boolean;
  readonly hasQuestion: boolean;
  /** Where the times to live stand. */
  readonly ttlOffsets: readonly number[];
  /** For how long it may be kept; 0: not at all. Seconds. */
  readonly keepS: number;
}

interface Records {
  readonly ttlOffsets: number[];
  leastTtlS: number;
  /** The SOA in the authority section allows a negative answer to be kept (RFC 2308, 5). */
  negativeS: number | undefined;
}

/** Reads a response. Strict and total, as `readQuery`; undefined for what does not end where it says. */
export function readResponse(bytes: Buffer): Response | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const flags = bytes.readUInt16BE(2);
  const questions = bytes.readUInt16BE(4);
  if ((flags & FLAG.QR) === 0 || questions > 1) return undefined;
  const start = questions === 0 ? HEADER_BYTES : endOfQuestion(bytes);
  if (start === undefined) return undefined;
  const records: Records = { ttlOffsets: [], leastTtlS: Infinity, negativeS: undefined };
  const [answers, authorities, additionals] = [6, 8, 10].map((at) => bytes.readUInt16BE(at));
  let at: number | undefined = start;
  for (const [count = 0, isAuthority] of [[answers], [authorities, true], [additionals]] as const) {
    at = at === undefined ? undefined : readRecords(bytes, at, { count, isAuthority: isAuthority ?? false, records });
  }
  if (at !== bytes.length) return undefined;
  const rcode = flags & 0x0f;
  const isCut = (flags & FLAG.TC) !== 0;
  const keepS = isCut ? 0 : keepTime(rcode, answers ?? 0, records);
  return { rcode, isCut, hasQuestion: questions === 1, ttlOffsets: records.ttlOffsets, keepS };
}

function keepTime(rcode: number, answers: number, { leastTtlS, negativeS }: Records): number {
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return 0;
  if (negativeS !== undefined) return Math.min(NEGATIVE_S_MAX, leastTtlS, negativeS);
  return rcode === RCODE.NOERROR && answers > 0 ? Math.min(POSITIVE_S_MAX, leastTtlS) : 0;
}

interface Section {
  readonly count: number;
  readonly isAuthority: boolean;
  readonly records: Records;
}

/** Where the section ends; undefined when that is not within the message. */
function readRecords(bytes: Buffer, start: number, { count, isAuthority, records }: Section): number | undefined {
  let at = start;
  for (let index = 0; index < count; index += 1) {
    const fixed = endOfName(bytes, at);
    if (fixed === undefined || fixed + 10 > bytes.length) return undefined;
    const dataBytes = bytes.readUInt16BE(fixed + 8);
    const end = fixed + 10 + dataBytes;
    if (end > bytes.length) return undefined;
    const type = bytes.readUInt16BE(fixed);
    if (type !== TYPE.OPT) {
      const ttlS = bytes.readInt32BE(fixed + 4);
      records.ttlOffsets.push(fixed + 4);
      // With the top bit set it counts as zero (RFC 2181, 8).
      records.leastTtlS = Math.min(records.leastTtlS, Math.max(0, ttlS));
      // Two names of a byte at least, and five numbers.
      if (type === TYPE.SOA && isAuthority && dataBytes >= 22) records.negativeS = bytes.readUInt32BE(end - 4);
    }
    at = end;
  }
  return at;
}
