import { ClusterError } from "@murmur/base";
import { randomBytes } from "node:crypto";
import { parseSealKey, SecretSealer } from "./secret-sealer.ts";

/** What a locked manager is unlocked with: 256 random bits in Docker's form, `SWMKEY-1-` and base64 without padding. */
export type UnlockKey = string & { readonly __brand: "UnlockKey" };

const PREFIX = "SWMKEY-1-";
const KEY_BYTES = 32;

export const newUnlockKey = (): UnlockKey => textOf(randomBytes(KEY_BYTES));

/** Throws `invalid_argument` when it is none. */
export function parseUnlockKey(text: string): UnlockKey {
  const bytes = text.startsWith(PREFIX) ? Buffer.from(text.slice(PREFIX.length), "base64") : Buffer.alloc(0);
  if (bytes.length === KEY_BYTES && textOf(bytes) === text) return text as UnlockKey;
  throw new ClusterError("invalid_argument", `invalid key: an unlock key is ${PREFIX} and 43 letters, digits, + or /`);
}

const textOf = (bytes: Buffer): UnlockKey => `${PREFIX}${bytes.toString("base64").replace(/=+$/, "")}` as UnlockKey;

/** Seals a record of a node's disk with an unlock key. `context` is bound to it, and not in the result. */
export const lockRecord = (record: unknown, key: UnlockKey, context: string): string =>
  sealerOf(key).seal(Buffer.from(JSON.stringify(record)), context);

/** Undefined when it isn't the key. */
export function unlockRecord(sealed: string, key: UnlockKey, context: string): unknown {
  const plain = sealerOf(key).open(sealed, context);
  return plain === undefined ? undefined : JSON.parse(plain.toString());
}

/** An unlock key seals nothing else, so it may be used as it is. */
function sealerOf(key: UnlockKey): SecretSealer {
  const bytes = Buffer.from(key.slice(PREFIX.length), "base64");
  return new SecretSealer([parseSealKey(bytes.toString("base64url"))]);
}
