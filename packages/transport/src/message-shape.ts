/** Nesting deeper than this is refused: decoding is recursive. */
const DEPTH_MAX = 64;
const EXT_UNDEFINED = 0x00;
const EXT_TIMESTAMP = 0xff;

/**
 * Whether bytes are exactly one MessagePack value made of plain parts: nil, booleans, numbers, strings, binary, arrays,
 * maps, `undefined` and time stamps. Walks without building anything, so that a hostile peer can neither make the
 * decoder allocate for elements that aren't there, nor reach its extensions (records compile code), nor its stack end.
 */
export function isPlainMessage(bytes: Uint8Array): boolean {
  /** Values still to come at each level of nesting. */
  const open: number[] = [1];
  const head: Head = { end: 0, children: 0 };
  let at = 0;
  while (open.length > 0) {
    const left = open[open.length - 1] ?? 0;
    if (left === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1] = left - 1;
    head.children = 0;
    if (!readHead(bytes, at, head)) return false;
    at = head.end;
    if (at > bytes.length) return false;
    if (head.children === 0) continue;
    if (open.length >= DEPTH_MAX || head.children > bytes.length - at) return false;
    open.push(head.children);
  }
  return at === bytes.length;
}

/** The same one for all values of a message: there are many, and each is read once. */
interface Head {
  /** Where the next value starts; may lie beyond the end of the bytes. */
  end: number;
  /** How many values the array or map holds; a map's keys count as well. 0 before it is read. */
  children: number;
}

/** Whether there is one that is allowed. */
function readHead(bytes: Uint8Array, at: number, head: Head): boolean {
  const token = bytes[at];
  if (token === undefined) return false;
  const next = at + 1;
  if (token < 0x80 || token >= 0xe0) return ends(head, next);
  if (token < 0x90) return holds(head, next, 2 * (token & 0x0f));
  if (token < 0xa0) return holds(head, next, token & 0x0f);
  if (token < 0xc0) return ends(head, next + (token & 0x1f));
  switch (token) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return ends(head, next);
    case 0xc4:
    case 0xd9:
      return ends(head, next + 1 + number(bytes, next, 1));
    case 0xc5:
    case 0xda:
      return ends(head, next + 2 + number(bytes, next, 2));
    case 0xc6:
    case 0xdb:
      return ends(head, next + 4 + number(bytes, next, 4));
    case 0xcc:
    case 0xd0:
      return ends(head, next + 1);
    case 0xcd:
    case 0xd1:
      return ends(head, next + 2);
    case 0xca:
    case 0xce:
    case 0xd2:
      return ends(head, next + 4);
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return ends(head, next + 8);
    case 0xdc:
      return holds(head, next + 2, number(bytes, next, 2));
    case 0xdd:
      return holds(head, next + 4, number(bytes, next, 4));
    case 0xde:
      return holds(head, next + 2, 2 * number(bytes, next, 2));
    case 0xdf:
      return holds(head, next + 4, 2 * number(bytes, next, 4));
    default: {
      const end = extensionEnd(bytes, at);
      return end !== undefined && ends(head, end);
    }
  }
}

function ends(head: Head, end: number): true {
  head.end = end;
  return true;
}

function holds(head: Head, end: number, children: number): true {
  head.end = end;
  head.children = children;
  return true;
}

/** `undefined` (type 0, one byte) and time stamps of 4, 8 and 12 bytes; every other extension is refused. */
function extensionEnd(bytes: Uint8Array, at: number): number | undefined {
  const token = bytes[at];
  if (token === 0xd4) return bytes[at + 1] === EXT_UNDEFINED ? at + 3 : undefined;
  if (token === 0xd6) return bytes[at + 1] === EXT_TIMESTAMP ? at + 6 : undefined;
  if (token === 0xd7) return bytes[at + 1] === EXT_TIMESTAMP ? at + 10 : undefined;
  if (token === 0xc7) return bytes[at + 1] === 12 && bytes[at + 2] === EXT_TIMESTAMP ? at + 15 : undefined;
  return undefined;
}

/** A big-endian number; what lies beyond the end reads as 255, so that the value ends beyond the end as well. */
function number(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let index = at; index < at + width; index += 1) value = value * 256 + (bytes[index] ?? 255);
  return value;
}
