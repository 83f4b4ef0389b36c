import { ClusterError } from "@murmur/base";
import { hash } from "node:crypto";
import { gossipKeyHint, GossipKeyRing, newGossipKey, parseGossipKey, type GossipKey } from "./gossip-keys.ts";

/** A key that users' secrets are sealed with: 32 bytes in base64url. */
export type SealKey = GossipKey & { readonly __use: "seal" };

export const newSealKey = (): SealKey => newGossipKey() as SealKey;

/** A new one whose hint is none of those that are around. */
export function newSealKeyBeside(others: readonly SealKey[]): SealKey {
  const hints = new Set(others.map(gossipKeyHint));
  for (;;) {
    const key = newSealKey();
    if (!hints.has(gossipKeyHint(key))) return key;
  }
}

/** What tells nothing of a key: its hint, which what it seals shows, and its digest. */
export const sealKeyName = (key: SealKey): { readonly hint: number; readonly digest: string } => ({
  hint: gossipKeyHint(key),
  digest: hash("sha256", key),
});

/** Reads such a key; throws `invalid_argument` when it is none. */
export function parseSealKey(text: string): SealKey {
  try {
    return parseGossipKey(text) as SealKey;
  } catch (error) {
    throw new ClusterError("invalid_argument", "a secrets key is 43 letters, digits, - or _", { cause: error });
  }
}

/**
 * Seals what users keep secret with AES-256-GCM, in the form of `GossipKeyRing`: its first key seals, all of them open.
 * `context` is bound to the content: what was sealed for one secret doesn't open as another's.
 */
export class SecretSealer {
  readonly #ring: GossipKeyRing;

  /** At least one key, at most `GOSSIP_KEYS_MAX`. */
  constructor(keys: readonly SealKey[]) {
    this.#ring = new GossipKeyRing(keys);
  }

  /** In base64. */
  seal(plain: Uint8Array, context: string): string {
    return this.#ring.seal(plain, new TextEncoder().encode(context)).toString("base64");
  }

  /** Undefined for anything that wasn't sealed, whole, with one of the keys and for this context. */
  open(sealed: string, context: string): Buffer | undefined {
    return this.#ring.open(Buffer.from(sealed, "base64"), new TextEncoder().encode(context));
  }
}
