import { assert, ClusterError } from "@murmur/base";
import { createCipheriv, createDecipheriv, hash, randomBytes } from "node:crypto";

/**
 * Seals gossip datagrams with AES-256-GCM under a key that all nodes of the cluster share.
 *
 *     sealed = version:1 key:1 nonce:12 ciphertext tag:16
 *
 * That is 30 bytes more than what is sealed. Version and key byte are authenticated with the rest. Nonces are random: the
 * chance that one key sees a nonce twice stays below 2^-32 for 2^32 datagrams, and below 2^-17 for 2^40 (a year of a
 * thousand nodes sending 30 a second); rotate the key before that. Replays open again: gossip tolerates them by its own
 * incarnation numbers.
 */
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 2 + NONCE_BYTES;
export const SEAL_OVERHEAD_BYTES = HEADER_BYTES + TAG_BYTES;
export const GOSSIP_KEYS_MAX = 8;
const KEY_BYTES = 32;
const NAME_LENGTH = 16;
const CIPHER = "aes-256-gcm";

/** A gossip key: 32 bytes in base64url. */
export type GossipKey = string & { readonly __brand: "GossipKey" };

export const newGossipKey = (): GossipKey => randomBytes(KEY_BYTES).toString("base64url") as GossipKey;

/** Reads a gossip key; throws `corrupt` when it is none. */
export function parseGossipKey(text: string): GossipKey {
  const valid = /^[A-Za-z0-9_-]{43}$/.test(text) && Buffer.from(text, "base64url").toString("base64url") === text;
  if (!valid) throw new ClusterError("corrupt", "a gossip key is not 32 bytes of base64url");
  return text as GossipKey;
}

/** By what nodes say which keys they have: of its digest so much that none is taken for another. */
export const gossipKeyName = (key: GossipKey): string =>
  hash("sha256", Buffer.from(key, "base64url"), "hex").slice(0, NAME_LENGTH);

/** A new key, with its name. */
export function namedGossipKey(): { readonly key: GossipKey; readonly name: string } {
  const key = newGossipKey();
  return { key, name: gossipKeyName(key) };
}

/** What all that a key has sealed shows as its second byte: by it two keys are told apart, if not any two. */
export const gossipKeyHint = (key: GossipKey): number => keyOf(key).hint;

interface Key {
  /** A hint which key to try, not unique. */
  readonly hint: number;
  readonly bytes: Buffer;
}

/**
 * The keys in use. The first one seals, all of them open: to rotate, every node first gets the new key as second, then
 * as first, then the old one is dropped.
 */
export class GossipKeyRing {
  readonly #sealing: Key;
  readonly #keys: readonly Key[];

  constructor(keys: readonly GossipKey[]) {
    assert(keys.length <= GOSSIP_KEYS_MAX, "a key ring has at most eight keys");
    this.#keys = keys.map(keyOf);
    const [first] = this.#keys;
    assert(first !== undefined, "a key ring has at least one key");
    this.#sealing = first;
  }

  /** `context` must be the same when it is opened; it is not in the result. */
  seal(plain: Uint8Array, context: Uint8Array = NOTHING): Buffer {
    const sealed = Buffer.allocUnsafe(plain.length + SEAL_OVERHEAD_BYTES);
    sealed.writeUInt8(VERSION, 0);
    sealed.writeUInt8(this.#sealing.hint, 1);
    randomNonce().copy(sealed, 2);
    const cipher = createCipheriv(CIPHER, this.#sealing.bytes, sealed.subarray(2, HEADER_BYTES));
    cipher.setAAD(contextOf(sealed, context));
    const at = HEADER_BYTES + cipher.update(plain).copy(sealed, HEADER_BYTES);
    cipher.final();
    cipher.getAuthTag().copy(sealed, at);
    return sealed;
  }

  /** The content; undefined for anything that was not sealed, whole, with one of the keys and this context. */
  open(sealed: Uint8Array, context: Uint8Array = NOTHING): Buffer | undefined {
    if (sealed.length < SEAL_OVERHEAD_BYTES || sealed[0] !== VERSION) return undefined;
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    for (const key of this.#keys) {
      if (key.hint !== bytes.readUInt8(1)) continue;
      const plain = openWith(key, bytes, context);
      if (plain !== undefined) return plain;
    }
    return undefined;
  }
}

const NOTHING = new Uint8Array();

function keyOf(key: GossipKey): Key {
  const bytes = Buffer.from(parseGossipKey(key), "base64url");
  return { hint: hash("sha256", bytes, "buffer").readUInt8(0), bytes };
}

function contextOf(sealed: Buffer, context: Uint8Array): Buffer {
  return Buffer.concat([sealed.subarray(0, 2), context]);
}

function openWith(key: Key, sealed: Buffer, context: Uint8Array): Buffer | undefined {
  const tagAt = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, key.bytes, sealed.subarray(2, HEADER_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(contextOf(sealed, context));
  decipher.setAuthTag(sealed.subarray(tagAt));
  const plain = decipher.update(sealed.subarray(HEADER_BYTES, tagAt));
  try {
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}

/** Random bytes are fetched for many nonces at once: each fetch is a system call. */
const nonces = { bytes: Buffer.alloc(0), used: 0 };

function randomNonce(): Buffer {
  if (nonces.used + NONCE_BYTES > nonces.bytes.length) {
    nonces.bytes = randomBytes(NONCE_BYTES * 256);
    nonces.used = 0;
  }
  nonces.used += NONCE_BYTES;
  return nonces.bytes.subarray(nonces.used - NONCE_BYTES, nonces.used);
}
