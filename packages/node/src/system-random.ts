import { randomBytes } from "node:crypto";
import { ID_LENGTH, SeededRandom, type Random } from "@murmur/base";

/** A fast generator seeded by the system's; for jitter and choices, never for secrets or ids. */
export function systemRandom(): Random {
  return new SeededRandom(randomBytes(6).readUIntBE(0, 6));
}

/** Bytes from here on would make some characters likelier than others. */
const FAIR_LIMIT = 252;

/** A new id: 25 characters of base 36 from the system's secure generator. */
export function newId(): string {
  let id = "";
  while (id.length < ID_LENGTH) {
    for (const byte of randomBytes(ID_LENGTH + 4)) {
      if (byte < FAIR_LIMIT && id.length < ID_LENGTH) id += (byte % 36).toString(36);
    }
  }
  return id;
}
