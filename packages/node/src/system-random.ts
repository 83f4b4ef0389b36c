import { randomBytes } from "node:crypto";
import { ID_LENGTH, SeededRandom, type Random } from "@murmur/base";

/** A fast generator seeded by the system's; for jitter and choices, never for secrets or ids. */
export function systemRandom(): Random {
  return new SeededRandom(randomBytes(6).readUIntBE(0, 6));
}

/** Bytes from here on would make some characters likelier than others. */
const FAIR_LIMIT = 252;
const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";

/** Asking the generator costs as much for one byte as for many. */
const POOL_BYTES = 4_096;
let pool = new Uint8Array();
let used = 0;

/** A new id: 25 characters of base 36 from the system's secure generator. */
export function newId(): string {
  let id = "";
  while (id.length < ID_LENGTH) {
    const byte = nextByte();
    if (byte < FAIR_LIMIT) id += ALPHABET.charAt(byte % 36);
  }
  return id;
}

function nextByte(): number {
  if (used >= pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  used += 1;
  return pool[used - 1] ?? 0;
}
