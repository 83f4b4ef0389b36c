import { ClusterError } from "@murmur/base";
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

/** What a manager's log and snapshots are sealed with on its own disk: 32 bytes in base64url. */
export type DiskKey = string & { readonly __brand: "DiskKey" };

const KEY_BYTES = 32;
const CIPHER = "aes-256-gcm";
export const SALT_BYTES = 16;
export const TAG_BYTES = 16;
const NONCE_BYTES = 12;

export const newDiskKey = (): DiskKey => randomBytes(KEY_BYTES).toString("base64url") as DiskKey;

/** Throws `corrupt` when it is none. */
export function parseDiskKey(text: string): DiskKey {
  if (/^[A-Za-z0-9_-]{43}$/.test(text)) return text as DiskKey;
  throw new ClusterError("corrupt", "a disk key is not 32 bytes of base64url");
}

/**
 * A key that follows from a disk key and a random salt. Each is used for one run of the log, or for one snapshot: so a
 * counter is a nonce that never comes twice, however long a disk key is in use.
 */
export class LogCipher {
  readonly salt: Buffer;
  readonly #key: Uint8Array;

  constructor(key: DiskKey, purpose: "log" | "snapshot", salt: Buffer = randomBytes(SALT_BYTES)) {
    this.salt = salt;
    this.#key = new Uint8Array(hkdfSync("sha256", Buffer.from(key, "base64url"), salt, `murmur ${purpose}`, KEY_BYTES));
  }

  /** Ciphertext and tag. The caller gives each number once; `context` is bound to the content. */
  seal(plain: Uint8Array, number: number, context: string): Buffer {
    const cipher = createCipheriv(CIPHER, this.#key, nonceOf(number)).setAAD(Buffer.from(context));
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /** Undefined when it was sealed with another key, number or context, or isn't whole. */
  open(sealed: Uint8Array, number: number, context: string): Buffer | undefined {
    const at = sealed.length - TAG_BYTES;
    if (at < 0) return undefined;
    const decipher = createDecipheriv(CIPHER, this.#key, nonceOf(number)).setAAD(Buffer.from(context));
    decipher.setAuthTag(sealed.subarray(at));
    const plain = decipher.update(sealed.subarray(0, at));
    try {
      decipher.final();
      return plain;
    } catch {
      return undefined;
    }
  }
}

function nonceOf(number: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(number, NONCE_BYTES - 6, 6);
  return nonce;
}

/** What can't be opened: damage is found by checksums before, so it is the key that is missing. */
export const shut = (what: string): ClusterError =>
  new ClusterError(
    "corrupt",
    `${what} is sealed with a key that this node doesn't have; remove this node and join again`,
  );
