import type { SnapshotMeta, StoredEntry } from "./log-storage.ts";

/** Entries and snapshots for tests; what they hold tells where they belong. */
export const entry = (
  index: number,
  term: number,
  text = `entry ${String(index)} of term ${String(term)}`,
): StoredEntry => ({
  index,
  term,
  kind: "command",
  data: new Uint8Array(Buffer.from(text)),
});

export const entries = (from: number, to: number, term: number): StoredEntry[] =>
  Array.from({ length: to - from + 1 }, (_, at) => entry(from + at, term));

export const metaOf = (index: number, term: number): SnapshotMeta => ({
  index,
  term,
  membership: new Uint8Array([1, 2, 3]),
});

/** Content of a snapshot in odd pieces: `size` bytes, each of which tells its place. */
export async function* pieces(size: number, pieceBytes = 10_007): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += pieceBytes) yield content(at, Math.min(size, at + pieceBytes));
}

export const content = (from: number, to: number): Uint8Array =>
  Uint8Array.from({ length: to - from }, (_, at) => (from + at) % 251);
