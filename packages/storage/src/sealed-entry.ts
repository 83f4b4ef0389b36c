import { LogCipher, SALT_BYTES, shut, type DiskKey } from "./log-cipher.ts";
import type { StoredEntry } from "./log-storage.ts";

/** Before the kind of an entry whose data is sealed. */
const MARK = "sealed ";
const NUMBER_BYTES = 6;
const HEADER_BYTES = SALT_BYTES + NUMBER_BYTES;

const isSealed = ({ kind }: StoredEntry): boolean => kind.startsWith(MARK);

const contextOf = (index: number, term: number, kind: string): string => `${String(index)}/${String(term)}/${kind}`;

/** Seals entries of one opening of a log. The data becomes `salt[16] number[6] ciphertext tag[16]`. */
export class EntrySealer {
  readonly key: DiskKey;
  readonly #cipher: LogCipher;
  #number = 0;

  constructor(key: DiskKey) {
    this.key = key;
    this.#cipher = new LogCipher(key, "log");
  }

  seal({ index, term, kind, data }: StoredEntry): StoredEntry {
    const header = Buffer.alloc(HEADER_BYTES);
    this.#cipher.salt.copy(header);
    header.writeUIntBE(this.#number, SALT_BYTES, NUMBER_BYTES);
    const sealed = this.#cipher.seal(data, this.#number, contextOf(index, term, kind));
    this.#number += 1;
    return { index, term, kind: `${MARK}${kind}`, data: Buffer.concat([header, sealed]) };
  }
}

/** Opens sealed entries and passes the others on. Throws `corrupt` when none of the keys opens one. */
export function openEntries(entries: readonly StoredEntry[], keys: readonly DiskKey[]): StoredEntry[] {
  // A log has as many salts as it was opened times since its last snapshot.
  const ciphers = new Map<string, readonly LogCipher[]>();
  const ciphersOf = (salt: Buffer): readonly LogCipher[] => {
    const name = salt.toString("latin1");
    const known = ciphers.get(name) ?? keys.map((key) => new LogCipher(key, "log", salt));
    ciphers.set(name, known);
    return known;
  };
  return entries.map((entry) => (isSealed(entry) ? openEntry(entry, ciphersOf) : entry));
}

function openEntry(entry: StoredEntry, ciphersOf: (salt: Buffer) => readonly LogCipher[]): StoredEntry {
  const { index, term } = entry;
  const kind = entry.kind.slice(MARK.length);
  const bytes = Buffer.from(entry.data.buffer, entry.data.byteOffset, entry.data.byteLength);
  if (bytes.length >= HEADER_BYTES) {
    const number = bytes.readUIntBE(SALT_BYTES, NUMBER_BYTES);
    for (const cipher of ciphersOf(Buffer.from(bytes.subarray(0, SALT_BYTES)))) {
      const data = cipher.open(bytes.subarray(HEADER_BYTES), number, contextOf(index, term, kind));
      if (data !== undefined) return { index, term, kind, data: new Uint8Array(data) };
    }
  }
  throw shut("the log");
}
