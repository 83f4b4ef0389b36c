import type { Index, NetworkId, ServiceId } from "@murmur/model";

/** What may have changed since some version: new, altered or gone. */
export interface Changed {
  readonly services: ReadonlySet<ServiceId>;
  readonly networks: ReadonlySet<NetworkId>;
}

interface Entry {
  readonly version: Index;
  readonly service?: ServiceId;
  readonly network?: NetworkId;
}

/** Changes that are remembered at least; who is behind more of them gets the whole table. */
export const HISTORY_LENGTH = 16_384;

/**
 * Which parts of a table may have changed, by the version in which that was found. One that was found unchanged counts,
 * too: it may have been something else in a version in between, which others have. Bounded: at twice its length the older half is
 * forgotten.
 */
export class ChangeHistory {
  readonly #length: number;
  /** Oldest first. */
  #entries: Entry[] = [];
  /** All that changed after this version is here. */
  #since: Index;

  /** A history that begins with what `version` is. */
  constructor(version: Index, length = HISTORY_LENGTH) {
    this.#since = version;
    this.#length = length;
  }

  /** Versions never go back. */
  add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length < 2 * this.#length) return;
    const forgotten = this.#entries.splice(0, this.#length);
    this.#since = forgotten.at(-1)?.version ?? this.#since;
  }

  /** What may have changed after a version; undefined when that isn't known any more. O(what has changed). */
  after(version: Index): Changed | undefined {
    if (version < this.#since) return undefined;
    const services = new Set<ServiceId>();
    const networks = new Set<NetworkId>();
    for (let at = this.#entries.length - 1; at >= 0; at -= 1) {
      const entry = this.#entries[at];
      if (entry === undefined || entry.version <= version) break;
      if (entry.service !== undefined) services.add(entry.service);
      if (entry.network !== undefined) networks.add(entry.network);
    }
    return { services, networks };
  }
}
