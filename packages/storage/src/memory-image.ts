import type { Damage, HardState, Recovered, SnapshotMeta, SnapshotReader, StoredEntry } from "./log-storage.ts";

/** A snapshot with its content. */
export interface MemorySnapshot {
  readonly meta: SnapshotMeta;
  readonly content: Uint8Array;
}

/** What is durable. Replaced as a whole, so that a crash finds the state before or after a change. */
export interface Image {
  readonly hardState: HardState;
  readonly compacted: number;
  readonly entries: readonly StoredEntry[];
  readonly snapshot: MemorySnapshot | undefined;
  readonly lost: number;
  readonly reason: string;
}

export const EMPTY: Image = {
  hardState: { term: 0, commit: 0 },
  compacted: 0,
  entries: [],
  snapshot: undefined,
  lost: 0,
  reason: "",
};

export function readerOf({ meta, content }: MemorySnapshot): SnapshotReader {
  return {
    meta,
    size: content.length,
    read: async (offset, length) => content.slice(offset, offset + length),
    [Symbol.asyncDispose]: async () => {},
  };
}

export const lastOf = (image: Image): number => image.entries.at(-1)?.index ?? image.compacted;

export function append(image: Image, entries: readonly StoredEntry[]): Image {
  const first = entries[0]?.index;
  if (first === undefined) return image;
  const copies = entries.map((entry) => ({ ...entry, data: entry.data.slice() }));
  const kept = lastOf(image) < first ? image.entries : image.entries.filter((entry) => entry.index < first);
  return { ...image, entries: kept.concat(copies) };
}

export function compact(image: Image, through: number): Image {
  return { ...image, compacted: through, entries: image.entries.filter((entry) => entry.index > through) };
}

/** Damage is repaired once the log reaches as far as it did. */
export const withLost = (image: Image): Image => (lastOf(image) >= image.lost ? { ...image, lost: 0 } : image);

export function recoveredOf(image: Image): Recovered {
  const { snapshot, hardState, entries } = image;
  const commit = Math.max(Math.min(hardState.commit, lastOf(image)), snapshot?.meta.index ?? 0);
  const damage: Damage = { fromIndex: lastOf(image) + 1, lastIndex: image.lost, reason: image.reason };
  return {
    hardState: { ...hardState, commit },
    entries,
    ...(snapshot !== undefined && { snapshot: snapshot.meta }),
    ...(image.lost > 0 && { damage }),
  };
}
