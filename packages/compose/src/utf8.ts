/**
 * UTF-8, strictly: TextDecoder belongs to the runtime, not to the language, and this package has none.
 * Returns undefined for what isn't UTF-8. A byte order mark at the start is left out.
 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  const parts: string[] = [];
  let points: number[] = [];
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (at < bytes.length) {
    const first = bytes[at] ?? 0;
    const length = lengthOf(first);
    if (length === 0 || at + length > bytes.length) return undefined;
    let point = length === 1 ? first : first & (0xff >> (length + 1));
    for (let offset = 1; offset < length; offset++) {
      const next = bytes[at + offset] ?? 0;
      if ((next & 0xc0) !== 0x80) return undefined;
      point = (point << 6) | (next & 0x3f);
    }
    if (point < (SMALLEST[length] ?? 0) || point > 0x10_ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
    points.push(point);
    at += length;
    if (points.length === 4096) {
      parts.push(String.fromCodePoint(...points));
      points = [];
    }
  }
  parts.push(String.fromCodePoint(...points));
  return parts.join("");
}

/** Half of a surrogate pair becomes U+FFFD, as in TextEncoder. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const read = character.codePointAt(0) ?? 0;
    const point = read >= 0xd800 && read <= 0xdfff ? 0xfffd : read;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), tail(point, 0));
    else if (point < 0x1_0000) bytes.push(0xe0 | (point >> 12), tail(point, 1), tail(point, 0));
    else bytes.push(0xf0 | (point >> 18), tail(point, 2), tail(point, 1), tail(point, 0));
  }
  return Uint8Array.from(bytes);
}

/** The smallest code point of a sequence of that many bytes: a longer form of a smaller one is no UTF-8. */
const SMALLEST: readonly number[] = [0, 0, 0x80, 0x800, 0x1_0000];

function lengthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first >= 0xc0 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf8 ? 4 : 0;
}

function tail(point: number, sixes: number): number {
  return 0x80 | ((point >> (6 * sixes)) & 0x3f);
}
