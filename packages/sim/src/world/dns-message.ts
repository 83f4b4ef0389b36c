import { formatIpAddress } from "@murmur/model";

/** The records that the simulator asks for, by their numbers (RFC 1035, 3596, 2782). */
const TYPES = { A: 1, PTR: 12, AAAA: 28, SRV: 33 } as const;
export type AskedType = keyof typeof TYPES;
const CLASS_IN = 1;
const HEADER_BYTES = 12;
const RECURSION_DESIRED = 0x0100;
const TRUNCATED = 0x0200;
const RCODE_MASK = 0x000f;
/** Names are at most so many labels, pointers counted: a loop ends. */
const LABELS_MAX = 256;

interface NameRecord {
  readonly type: AskedType;
  readonly ttlS: number;
  /** An address in its one form, a name, or of an SRV record `TARGET:PORT`. */
  readonly data: string;
}

/** What a name server said, as its asker reads it. */
export interface NameAnswer {
  /** 0: there is such a name, 2: the server doesn't know yet, 3: there is none, 5: the name is none of the cluster's. */
  readonly rcode: number;
  readonly isTruncated: boolean;
  /** Of the type that was asked for. */
  readonly records: readonly NameRecord[];
}

/** A query for a name, which has no dot at its end. */
export function writeQuestion(name: string, type: AskedType): Buffer {
  const labels = name.split(".").map((label) => Buffer.from(label, "latin1"));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(RECURSION_DESIRED, 2);
  header.writeUInt16BE(1, 4);
  const end = Buffer.alloc(5);
  end.writeUInt16BE(TYPES[type], 1);
  end.writeUInt16BE(CLASS_IN, 3);
  return Buffer.concat([header, ...labels.flatMap((label) => [Buffer.of(label.length), label]), end]);
}

/** Reads an answer, with nothing that its writer uses. Throws (`RangeError`) where it is cut off. */
export function readAnswer(bytes: Buffer): NameAnswer {
  const flags = bytes.readUInt16BE(2);
  let at = HEADER_BYTES;
  for (let left = bytes.readUInt16BE(4); left > 0; left -= 1) at = nameAt(bytes, at).end + 4;
  const records: NameRecord[] = [];
  for (let left = bytes.readUInt16BE(6); left > 0; left -= 1) {
    const fixed = nameAt(bytes, at).end;
    const data = fixed + 10;
    const length = bytes.readUInt16BE(fixed + 8);
    const type = typeOf(bytes.readUInt16BE(fixed));
    if (type !== undefined)
      records.push({ type, ttlS: bytes.readUInt32BE(fixed + 4), data: dataText(bytes, { type, at: data, length }) });
    at = data + length;
  }
  return { rcode: flags & RCODE_MASK, isTruncated: (flags & TRUNCATED) !== 0, records };
}

const typeOf = (number: number): AskedType | undefined =>
  (Object.keys(TYPES) as AskedType[]).find((type) => TYPES[type] === number);

function dataText(
  bytes: Buffer,
  { type, at, length }: { readonly type: AskedType; readonly at: number; readonly length: number },
): string {
  switch (type) {
    case "A":
    case "AAAA": {
      const value = BigInt(`0x${bytes.toString("hex", at, at + length)}`);
      return formatIpAddress({ family: type === "A" ? 4 : 6, value });
    }
    case "PTR":
      return nameAt(bytes, at).name;
    case "SRV":
      return `${nameAt(bytes, at + 6).name}:${String(bytes.readUInt16BE(at + 4))}`;
  }
}

/** A name that may be compressed, and where what follows it begins. */
function nameAt(bytes: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  let end: number | undefined;
  for (let left = LABELS_MAX; left > 0; left -= 1) {
    const length = bytes.readUInt8(at);
    if (length === 0) return { name: labels.join("."), end: end ?? at + 1 };
    if (length >= 0xc0) {
      end ??= at + 2;
      at = bytes.readUInt16BE(at) & 0x3fff;
    } else {
      labels.push(bytes.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
  }
  throw new RangeError("a name that never ends");
}

/** The name that is asked about whose an address is (RFC 1035, 3.5; RFC 3596, 2.5). */
export function reverseName(address: string): string {
  if (!address.includes(":")) return `${address.split(".").toReversed().join(".")}.in-addr.arpa`;
  const [left = "", right = ""] = address.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const [head, tail] = [groups(left), groups(right)];
  const middle = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  const digits = [...head, ...middle, ...tail].map((group) => group.padStart(4, "0")).join("");
  return `${Array.from(digits).toReversed().join(".")}.ip6.arpa`;
}
