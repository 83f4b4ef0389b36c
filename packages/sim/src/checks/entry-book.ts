import type { StoredEntry } from "@murmur/storage";

interface Known {
  readonly term: number;
  /** The term of the entry before it, where it is known. */
  readonly previous: number | undefined;
  readonly entry: StoredEntry;
  /** Where it was seen first. */
  readonly host: string;
}

/** Entries that are remembered; of older ones it isn't known any more whether they differ. */
const REMEMBERED = 100_000;

/** Every entry that was ever in any log, by index and term. */
export class EntryBook {
  /** By index; several where leaders of different terms wrote. */
  readonly #entries = new Map<number, Known[]>();

  /** The entry at this position, if any log has had it. */
  find(index: number, term: number): StoredEntry | undefined {
    return this.#entries.get(index)?.find((known) => known.term === term)?.entry;
  }

  /**
   * Notes an entry that follows one of the term `previous`. Returns "new", "same", or in words how it differs from the one
   * that is known at its position.
   */
  see(entry: StoredEntry, previous: number | undefined, host: string): "new" | "same" | { readonly differs: string } {
    const { index, term } = entry;
    let known = this.#entries.get(index);
    if (known === undefined) this.#entries.set(index, (known = []));
    const other = known.find((candidate) => candidate.term === term);
    if (other === undefined) {
      known.push({ term, previous, entry, host });
      this.#entries.delete(index - REMEMBERED);
      return "new";
    }
    if (other.entry.kind !== entry.kind || !equalBytes(other.entry.data, entry.data))
      return { differs: `${other.host} has ${other.entry.kind} of ${String(other.entry.data.length)} bytes there` };
    if (previous !== undefined && other.previous !== undefined && previous !== other.previous)
      return { differs: `on ${other.host} it follows an entry of term ${String(other.previous)}` };
    return "same";
  }
}

const equalBytes = (one: Uint8Array, other: Uint8Array): boolean => one === other || Buffer.compare(one, other) === 0;
